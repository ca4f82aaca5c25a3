import { parseImageReference } from '../../runtime/image-reference.ts';
import type { RuntimeImage } from '../../runtime/container-runtime.ts';
import { ProviderError, type ResolvedPod } from '../provider.ts';
import { callEngine, type Engine, engineError, engineMessage, isMissing } from './engine.ts';

type Credentials = ResolvedPod['pullSecrets'][number];

export async function findImage(engine: Engine, name: string): Promise<RuntimeImage | undefined> {
  try {
    const info = await engine.getImage(name).inspect();
    return {
      id: info.Id,
      reference: info.RepoDigests?.[0] ?? info.Id,
      sizeBytes: info.Size,
      user: info.Config?.User ?? '',
    };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw engineError(error, 'ImageInspectError');
  }
}

/** Pulls with each of the pod's credentials for that registry in turn, then without. Throws the registry's last answer. */
export async function pullImage(
  engine: Engine,
  name: string,
  credentials: readonly Credentials[],
): Promise<RuntimeImage> {
  const attempts: (Credentials | undefined)[] = [...credentialsFor(name, credentials), undefined];
  let failure: unknown;
  for (const credential of attempts) {
    try {
      await pullOnce(engine, name, credential);
      const image = await findImage(engine, name);
      if (image) return image;
      failure = new Error(`image ${name} is not there after it was pulled`);
    } catch (error) {
      const translated = engineError(error);
      if (translated.code === 'unavailable') throw translated;
      failure = error;
    }
  }
  throw new ProviderError('invalid', `Error response from daemon: ${engineMessage(failure)}`, {
    reason: 'ErrImagePull',
    cause: failure,
  });
}

/** Secrets name a registry by host, some with the start of a path. */
function credentialsFor(name: string, credentials: readonly Credentials[]): Credentials[] {
  const reference = parseImageReference(name);
  return credentials.filter((c) => c.registry === reference?.registry);
}

async function pullOnce(engine: Engine, name: string, credential: Credentials | undefined): Promise<void> {
  const stream = await callEngine(() =>
    engine.pull(
      name,
      credential
        ? {
            authconfig: {
              username: credential.username,
              password: credential.password,
              serveraddress: credential.registry,
            },
          }
        : {},
    ),
  );
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(stream, (error, output) => {
      const failed = (output as { error?: string }[] | undefined)?.find((line) => line.error);
      if (error) reject(error);
      else if (failed) reject(new Error(failed.error));
      else resolve();
    });
  });
}
