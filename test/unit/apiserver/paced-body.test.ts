import { sendPaced } from '@nodeless/apiserver/paced-body';
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** Takes `room` bytes at a time. */
class Sink extends EventEmitter {
  written = 0;
  pending = 0;
  ended = false;
  write(bytes: Uint8Array): boolean {
    this.written += bytes.byteLength;
    this.pending += bytes.byteLength;
    return this.pending < 1024;
  }
  end(): void {
    this.ended = true;
    if (this.pending === 0) this.emit('finish');
  }
  take(): void {
    this.pending = 0;
    this.emit(this.ended ? 'finish' : 'drain');
  }
}
const half = 512 * 1024;
const send = (sink: Sink, pieces: Uint8Array[], stalled: () => void = () => {}): void =>
  sendPaced(sink as never, pieces, 1_000, stalled);

describe('a large body', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('goes as its client takes it, however it is cut', () => {
    const sink = new Sink();
    send(sink, [new Uint8Array(half * 2), ...Array.from({ length: 16 }, () => new Uint8Array(half / 8))]);
    const seen: number[] = [];
    while (!sink.ended) {
      seen.push(sink.written);
      sink.take();
    }
    expect(seen).toEqual([half, 2 * half, 3 * half, 4 * half]);
    expect(sink.written).toBe(4 * half);
  });
  it('is given up when nothing of it is taken for long', () => {
    const sink = new Sink();
    const stalled = vi.fn();
    send(sink, [new Uint8Array(half * 4)], stalled);
    vi.advanceTimersByTime(900);
    sink.take();
    vi.advanceTimersByTime(900);
    expect(stalled).not.toHaveBeenCalled();
    vi.advanceTimersByTime(200);
    expect(stalled).toHaveBeenCalledOnce();
  });
  it.each(['finish', 'close'])('is not given up after its %s', (event) => {
    const sink = new Sink();
    const stalled = vi.fn();
    send(sink, [new Uint8Array(100_000)], stalled);
    sink.emit(event);
    vi.advanceTimersByTime(5_000);
    expect(stalled).not.toHaveBeenCalled();
  });
});
