/** Sends large bodies no faster than their client takes them: nothing is encrypted or queued ahead of it. */
import type { Writable } from 'node:stream';

/** So much is written at a time. */
const roundBytes = 512 * 1024;

/** `stalled` is called when the client has taken nothing for `patienceMs`. */
export function sendPaced(
  to: Pick<Writable, 'write' | 'end' | 'once'>,
  pieces: Iterable<Uint8Array>,
  patienceMs: number,
  stalled: () => void,
): void {
  const rest = slices(pieces);
  const timer = setTimeout(stalled, patienceMs);
  const over = (): void => clearTimeout(timer);
  to.once('finish', over);
  to.once('close', over);
  const more = (): void => {
    timer.refresh();
    let sent = 0;
    for (;;) {
      const { value, done } = rest.next();
      if (done) break;
      const roomy = to.write(value);
      sent += value.byteLength;
      if (!roomy && sent >= roundBytes) {
        to.once('drain', more);
        return;
      }
    }
    to.end();
  };
  more();
}

function* slices(pieces: Iterable<Uint8Array>): Generator<Uint8Array, undefined> {
  for (const piece of pieces)
    for (let start = 0; start < piece.byteLength; start += roundBytes) yield piece.subarray(start, start + roundBytes);
}
