/** CloudFormation's custom resources: what it asks, and the answer it must always get, or it waits for an hour. */
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';

export interface CustomResourceEvent {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  /** Where the answer is put: a presigned URL. */
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  /** `Custom::NodelessSetup` */
  readonly ResourceType: string;
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  readonly OldResourceProperties?: Readonly<Record<string, unknown>>;
}

export interface CustomResource {
  /** Names the resource where it has no name yet. One that changes makes CloudFormation delete what had the old one. */
  physicalId(event: CustomResourceEvent): string;
  /** Idempotent: CloudFormation may ask twice. Rejects with an Error whose message a person can act upon. */
  act(event: CustomResourceEvent, signal: AbortSignal): Promise<Readonly<Record<string, string>> | void>;
}

export interface CustomResourceDeps {
  /** By ResourceType. */
  readonly resources: Readonly<Record<string, CustomResource>>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly fetch?: typeof fetch;
}

/** An answer has 4 KiB at most. */
const maxReason = 1_500;
/** Kept for the answer. */
const marginMs = 15_000;
const answerMs = 10_000;
const answerAttempts = 3;

/** `remainingMs`: until the function is ended. Rejects only when the answer cannot be given. */
export async function serveCustomResource(
  event: CustomResourceEvent,
  remainingMs: number,
  deps: CustomResourceDeps,
): Promise<void> {
  const { resources, clock, log, fetch: send = fetch } = deps;
  const resource = Object.hasOwn(resources, event.ResourceType) ? resources[event.ResourceType] : undefined;
  let physicalId = event.PhysicalResourceId ?? event.LogicalResourceId;
  let outcome: { Status: 'SUCCESS' | 'FAILED'; Reason?: string; Data?: Readonly<Record<string, string>> };
  try {
    if (!resource) throw new Error(`there is no resource of type ${event.ResourceType}`);
    physicalId = event.PhysicalResourceId ?? resource.physicalId(event);
    const data = await inTime(clock, remainingMs - marginMs, (signal) => resource.act(event, signal));
    outcome = { Status: 'SUCCESS', ...(data ? { Data: data } : {}) };
  } catch (error) {
    log.error('a resource of the stack cannot be made', { resource: event.LogicalResourceId, error });
    outcome = {
      Status: 'FAILED',
      Reason: (error instanceof Error ? error.message : String(error)).slice(0, maxReason),
    };
  }
  const { StackId, RequestId, LogicalResourceId } = event;
  const body = JSON.stringify({ ...outcome, PhysicalResourceId: physicalId, StackId, RequestId, LogicalResourceId });
  for (let attempt = 1; ; attempt++) {
    try {
      // The URL is signed for no content type.
      const response = await send(event.ResponseURL, {
        method: 'PUT',
        headers: { 'content-type': '' },
        body,
        signal: AbortSignal.timeout(answerMs),
      });
      if (response.ok) return;
      throw new Error(`CloudFormation answers ${response.status}`);
    } catch (error) {
      if (attempt === answerAttempts) throw error;
    }
  }
}

async function inTime<T>(clock: Clock, ms: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimer(() => {
    const error = new Error(
      `this was not done within ${Math.round(ms / 1000)} s; the log of the function says how far it came`,
    );
    abort.abort(error);
    reject(error);
  }, ms);
  promise.catch(() => {});
  try {
    return await Promise.race([run(abort.signal), promise]);
  } finally {
    timer.cancel();
  }
}
