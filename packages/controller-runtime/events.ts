import type { KubernetesObject } from '@nodeless/apimachinery/object';

/** Records core/v1 Events about an object; repeats of one event are counted on one object, as client-go's correlator does. */
export interface EventRecorder {
  /** Never throws and never waits: events are best effort. */
  event(
    object: KubernetesObject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    options?: { action?: string; fieldPath?: string },
  ): void;
}
