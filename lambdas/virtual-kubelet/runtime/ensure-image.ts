import type { Container } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock } from '@nodeless/component-base/clock';
import { ProviderError, type ResolvedPod } from '../providers/provider.ts';
import type { ContainerRuntime, RuntimeImage } from './container-runtime.ts';
import { parseImageReference } from './image-reference.ts';

export type ReportEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

export interface ImageRequest {
  readonly container: Container;
  readonly credentials: ResolvedPod['pullSecrets'];
  readonly report: ReportEvent;
}

/** The image of a container by its pull policy. Throws ProviderError whose reason and message are the waiting state's. */
export type EnsureImage = (request: ImageRequest) => Promise<RuntimeImage>;

/** One pull of a name serves all that wait for it with the same credentials. */
export function createEnsureImage(runtime: Pick<ContainerRuntime, 'image' | 'pullImage'>, clock: Clock): EnsureImage {
  const pulls = new Map<string, Promise<RuntimeImage>>();
  const pullOnce = (name: string, credentials: ResolvedPod['pullSecrets']): Promise<RuntimeImage> => {
    const key = JSON.stringify([name, credentials]);
    const running = pulls.get(key);
    if (running) return running;
    const pull = runtime.pullImage(name, credentials).finally(() => pulls.delete(key));
    pulls.set(key, pull);
    return pull;
  };

  return async ({ container, credentials, report }) => {
    const wanted = container.image ?? '';
    const quoted = JSON.stringify(wanted);
    const reference = parseImageReference(wanted);
    if (!reference) {
      const message = `Failed to apply default image tag ${quoted}: couldn't parse image name ${quoted}: invalid reference format`;
      report('Warning', 'InspectFailed', message);
      throw failed(report, 'InvalidImageName', message);
    }
    const policy =
      container.imagePullPolicy ??
      (reference.digest === undefined && (reference.tag ?? 'latest') === 'latest' ? 'Always' : 'IfNotPresent');
    if (policy !== 'Always') {
      const present = await runtime.image(reference.name);
      if (present) {
        report(
          'Normal',
          'Pulled',
          `Container image ${quoted} already present on machine and can be accessed by the pod`,
        );
        return present;
      }
      if (policy === 'Never') {
        const message = `Container image ${quoted} is not present with pull policy of Never`;
        report('Warning', 'ErrImageNeverPull', message);
        throw failed(report, 'ErrImageNeverPull', message);
      }
    }
    report('Normal', 'Pulling', `Pulling image ${quoted}`);
    const startedAt = clock.now();
    try {
      const image = await pullOnce(reference.name, credentials);
      const took = `${((clock.now() - startedAt) / 1000).toFixed(3)}s`;
      report(
        'Normal',
        'Pulled',
        `Successfully pulled image ${quoted} in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`,
      );
      return image;
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'unavailable') throw error;
      const message = error instanceof Error ? error.message : String(error);
      report('Warning', 'Failed', `Failed to pull image ${quoted}: ${message}`);
      throw failed(report, 'ErrImagePull', message);
    }
  };
}

function failed(report: ReportEvent, reason: string, message: string): ProviderError {
  report('Warning', 'Failed', `Error: ${reason}`);
  return new ProviderError('invalid', message, { reason });
}
