import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { Revision, StoreEvent, Value } from '@nodeless/store/store';
import { ObjectEncoded, encodedOf } from './encoded.ts';
import type { Endpoint } from './endpoint.ts';
import type { Encoded, WatchEvent, WatchEventType } from './registry.ts';
import { atRevision } from './stored-value.ts';

/** Makes what watchers get out of what the store says. Watchers of one version share the event, and with it its bytes. */
export interface WatchEvents {
  /** `type` as the watcher's selector sees it: an object that stops matching is DELETED as it was before. */
  of(event: StoreEvent, type: 'ADDED' | 'MODIFIED' | 'DELETED', endpoint: Endpoint): WatchEvent;
  /** An object that was there when the watch began. */
  initial(value: Value, endpoint: Endpoint): WatchEvent;
  bookmark(revision: Revision, endpoint: Endpoint, initialEventsEnd: boolean): WatchEvent;
}

/**
 * Watchers of one commit are told one after the other, at once: remembering the last few events is enough to share
 * them all. Nothing is kept for long, for a frame is another copy of the object.
 */
const remembered = 256;

export function createWatchEvents(): WatchEvents {
  const shared = new Map<StoreEvent, Map<string, WatchEvent>>();
  return {
    of(event, type, endpoint) {
      let variants = shared.get(event);
      if (!variants) {
        if (shared.size >= remembered) shared.clear();
        shared.set(event, (variants = new Map()));
      }
      const variant = `${type} ${endpoint.served.apiVersion}`;
      let made = variants.get(variant);
      if (!made) variants.set(variant, (made = new SharedEvent(type, encodedOf(endpoint, valueFor(event, type)))));
      return made;
    },
    initial: (value, endpoint) => new SharedEvent('ADDED', encodedOf(endpoint, value)),
    bookmark(revision, endpoint, initialEventsEnd) {
      const { kind, apiVersion } = endpoint.served;
      const object: UnknownObject = { kind, apiVersion, metadata: { resourceVersion: String(revision) } };
      if (initialEventsEnd) object.metadata!.annotations = { 'k8s.io/initial-events-end': 'true' };
      return new SharedEvent('BOOKMARK', new ObjectEncoded(object, endpoint.type));
    },
  };
}

function valueFor(event: StoreEvent, type: WatchEventType): Value {
  if (type !== 'DELETED' || event.type === 'delete') return event.entry.value;
  return atRevision((event.previous ?? event.entry).value, event.revision);
}

class SharedEvent implements WatchEvent {
  readonly type: WatchEventType;
  readonly object: Encoded;
  #frame: Buffer | undefined;
  constructor(type: WatchEventType, object: Encoded) {
    this.type = type;
    this.object = object;
  }
  frame(): Uint8Array {
    return (this.#frame ??= frameOf(this.type, this.object.bytes()));
  }
}

const newline = Buffer.from('}\n');
const heads = new Map(
  (['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'] as const).map((type) => [
    type,
    Buffer.from(`{"type":"${type}","object":`),
  ]),
);

function frameOf(type: WatchEventType, json: Uint8Array): Buffer {
  const head = heads.get(type) as Buffer;
  const frame = Buffer.allocUnsafe(head.length + json.length + newline.length);
  frame.set(head);
  frame.set(json, head.length);
  frame.set(newline, head.length + json.length);
  return frame;
}
