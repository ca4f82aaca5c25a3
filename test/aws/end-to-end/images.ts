import { Readable } from 'node:stream';
import type { Engine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { packTar } from '@nodeless/virtual-kubelet/providers/docker/tar';
import { ensureNodeImage } from '../../builders/node-image.ts';

/**
 * An image in which the agent runs as in a stock Node image: what begins with a hyphen is for node. For engines that do not heed a
 * container's entry point.
 */
export async function ensureAgentImage(engine: Engine): Promise<string> {
  const base = await ensureNodeImage(engine, 'nodeless-test-node', {});
  const tag = base.replace('nodeless-test-node', 'nodeless-test-agent');
  const found = await engine
    .getImage(tag)
    .inspect()
    .catch(() => undefined);
  if (found) return tag;
  const dockerfile = `FROM ${base}\nENTRYPOINT ["node"]\n`;
  const context = packTar([{ type: 'file', path: 'Dockerfile', content: Buffer.from(dockerfile), mode: 0o644 }]);
  const stream = await engine.buildImage(Readable.from([context]), { t: tag, forcerm: true });
  await new Promise<void>((resolve, reject) =>
    engine.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
  );
  return tag;
}
