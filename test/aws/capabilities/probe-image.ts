import { dockerProblem, ensureTestImage, image } from '../../integration/docker-engine.ts';
import { findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';

/** An image with a shell that the engine's tasks can run: of this machine's Docker engine, or of a public registry. */
export async function probeImage(): Promise<string | undefined> {
  if (process.env['NODELESS_AWS_IMAGE']) return process.env['NODELESS_AWS_IMAGE'];
  if (process.env['NODELESS_AWS_ACCOUNT']) return 'public.ecr.aws/docker/library/busybox:stable';
  if (await dockerProblem()) return undefined;
  await ensureTestImage(findEngine().engine);
  return image;
}
