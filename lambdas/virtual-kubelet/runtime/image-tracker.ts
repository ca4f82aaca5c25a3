import type { Container } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock } from '@nodeless/component-base/clock';
import { ProviderError, type ResolvedPod } from '../providers/provider.ts';
import type { RuntimeImage } from './container-runtime.ts';
import type { EnsureImage, ReportEvent } from './ensure-image.ts';
import type { ImageProgress } from './plan-pod.ts';
import { pullBackoff } from './restart-backoff.ts';

/** The images of one pod's containers: what is being got, what is there, what failed and when it is tried again. */
export interface ImageTracker {
  progress(name: string, attempt: number): ImageProgress;
  ready(name: string, attempt: number): RuntimeImage | undefined;
  /** Begins to get it, or says that it waits; returns at once. `onDone` is called when there is news. */
  ensure(container: Container, attempt: number, credentials: ResolvedPod['pullSecrets'], report: ReportEvent): void;
}

interface Entry {
  readonly image: string;
  readonly attempt: number;
  progress: ImageProgress;
  ready?: RuntimeImage;
  failures: number;
  /** The end of the wait after a failed pull. */
  waitUntil: number;
  lastError: string;
}

const neverPullRetryMs = 10_000;

export function createImageTracker(deps: {
  readonly clock: Clock;
  readonly ensureImage: EnsureImage;
  readonly onDone: () => void;
}): ImageTracker {
  const { clock, ensureImage, onDone } = deps;
  const entries = new Map<string, Entry>();

  const get = async (
    entry: Entry,
    container: Container,
    credentials: ResolvedPod['pullSecrets'],
    report: ReportEvent,
  ): Promise<void> => {
    entry.progress = { state: 'working' };
    try {
      entry.ready = await ensureImage({ container, credentials, report });
      entry.progress = { state: 'ready' };
      entry.failures = 0;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const reason = error instanceof ProviderError ? error.reason : undefined;
      const now = clock.now();
      if (reason === 'ErrImagePull') {
        entry.failures += 1;
        entry.lastError = message;
        const wait = pullBackoff(entry.failures);
        entry.waitUntil = now + wait;
        // The failure itself is shown for a while, then that we wait.
        entry.progress = { state: 'failed', reason, message, retryAt: now + Math.floor(wait / 2) };
      } else if (reason !== undefined) {
        entry.progress = { state: 'failed', reason, message, retryAt: now + neverPullRetryMs };
      } else {
        entry.progress = { state: 'failed', reason: 'ImageInspectError', message, retryAt: now + neverPullRetryMs };
      }
    }
    onDone();
  };

  return {
    progress(name, attempt) {
      const entry = entries.get(name);
      return entry && entry.attempt === attempt ? entry.progress : { state: 'unknown' };
    },
    ready(name, attempt) {
      const entry = entries.get(name);
      return entry?.attempt === attempt ? entry.ready : undefined;
    },
    ensure(container, attempt, credentials, report) {
      const image = container.image ?? '';
      const before = entries.get(container.name);
      const same = before !== undefined && before.image === image;
      if (same && before.attempt === attempt && before.progress.state === 'working') return;
      const waits =
        same &&
        before.progress.state === 'failed' &&
        before.progress.reason === 'ErrImagePull' &&
        before.waitUntil > clock.now();
      if (waits) {
        const backoff = `Back-off pulling image ${JSON.stringify(image)}`;
        report('Normal', 'BackOff', backoff);
        report('Warning', 'Failed', 'Error: ImagePullBackOff');
        before.progress = {
          state: 'failed',
          reason: 'ImagePullBackOff',
          message: `${backoff}: ErrImagePull: ${before.lastError}`,
          retryAt: before.waitUntil,
        };
        onDone();
        return;
      }
      const entry: Entry = {
        image,
        attempt,
        progress: { state: 'working' },
        failures: same ? before.failures : 0,
        waitUntil: 0,
        lastError: '',
      };
      entries.set(container.name, entry);
      void get(entry, container, credentials, report);
    },
  };
}
