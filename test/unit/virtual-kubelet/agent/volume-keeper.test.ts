import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import type {
  AgentVolume,
  TokenQuery,
  TokenResponse,
  VolumesResponse,
} from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { DoorError } from '@nodeless/virtual-kubelet/agent/door-client';
import { createVolumeKeeper, type VolumeKeeper } from '@nodeless/virtual-kubelet/agent/volume-keeper';
import { beforeEach, describe, expect, it } from 'vitest';

const query: TokenQuery = { audience: 'vault', expirationSeconds: 600 };
const minute = 60_000;
let clock: ManualClock;
let keeper: VolumeKeeper;
let asked: { at: number; revision: string }[];
let tokensAsked: { at: number; query: TokenQuery }[];
let written: { revision: string; token: string }[];
let notes: string[];
let changes: number;
let current: VolumesResponse;
let failVolumes: Error | undefined;
let failToken: Error | undefined;
let failWrite: Error | undefined;
let started: number;

const volumesOf = (revision: string): VolumesResponse => ({
  revision,
  volumes: [{ name: revision, files: [{ path: 'token', mode: 0o600, token: query }] }],
});
const tokenOf = (n: number, lifeMs = 600_000): TokenResponse => ({
  token: `t${n}`,
  expiresAt: new Date(clock.now() + lifeMs).toISOString(),
  renewAt: new Date(clock.now() + lifeMs * 0.8).toISOString(),
});

beforeEach(() => {
  clock = createManualClock();
  started = clock.now();
  [asked, tokensAsked, written, notes] = [[], [], [], []];
  changes = 0;
  current = volumesOf('r1');
  failVolumes = failToken = failWrite = undefined;
  keeper = createVolumeKeeper({
    door: {
      volumes(revision) {
        asked.push({ at: clock.now() - started, revision });
        if (failVolumes) return Promise.reject(failVolumes);
        return Promise.resolve(revision === current.revision ? undefined : current);
      },
      token(one) {
        tokensAsked.push({ at: clock.now() - started, query: one });
        return failToken ? Promise.reject(failToken) : Promise.resolve(tokenOf(tokensAsked.length));
      },
    },
    writer: {
      write(volume: AgentVolume, token) {
        if (failWrite) return Promise.reject(failWrite);
        written.push({ revision: volume.name, token: token(query) });
        return Promise.resolve(true);
      },
      prepare: () => Promise.resolve(),
    },
    clock,
    log: silentLogger,
    timing: { min: 15_000, max: 2 * minute },
    onChange: () => void changes++,
    onEvent: (_type, reason, message) => void notes.push(`${reason}: ${message}`),
    random: () => 0.5,
  });
});
const begin = () => keeper.begin({ volumes: current, tokens: [{ ...query, ...tokenOf(0) }] });

describe('volumes', () => {
  it('are written with the tokens that came with them, before anything is asked', async () => {
    await begin();
    expect(written).toEqual([{ revision: 'r1', token: 't0' }]);
    expect([asked, tokensAsked]).toEqual([[], []]);
    expect(keeper.revision()).toBe('r1');
  });

  it('that cannot be written keep the pod from starting', async () => {
    failWrite = new Error('no space left on device');
    await expect(begin()).rejects.toThrow('no space left');
    expect(keeper.revision()).toBe('');
  });

  it('are asked for ever more rarely while they stay the same', async () => {
    await begin();
    await clock.advance(20 * minute);
    const gaps = asked.map(({ at }, i) => at - (asked[i - 1]?.at ?? 0));
    expect(gaps[0]).toBe(15_000);
    expect(gaps.every((gap, i) => i === 0 || gap >= (gaps[i - 1] as number))).toBe(true);
    expect(gaps.at(-1)).toBe(2 * minute);
    expect(written).toHaveLength(1 + tokensAsked.length);
  });

  it('are written anew and asked for more often after a change', async () => {
    await begin();
    await clock.advance(7 * minute);
    current = volumesOf('r2');
    const before = asked.length;
    await clock.advance(2 * minute);
    expect(written.at(-1)).toMatchObject({ revision: 'r2' });
    expect([keeper.revision(), changes]).toEqual(['r2', 1]);
    const [first, second] = asked.slice(before);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBe(15_000);
    expect(second?.revision).toBe('r2');
  });

  it('are asked for at once when another revision is said to be there', async () => {
    await begin();
    keeper.hint('r1');
    await clock.advance(10);
    expect(asked).toHaveLength(0);
    current = volumesOf('r2');
    keeper.hint('r2');
    await clock.advance(10);
    expect(keeper.revision()).toBe('r2');
  });

  it('stay as they are while the door is away, without a word about it', async () => {
    await begin();
    failVolumes = new DoorError(0, 'connect ECONNREFUSED');
    current = volumesOf('r2');
    await clock.advance(10 * minute);
    expect([keeper.revision(), notes]).toEqual(['r1', []]);
    failVolumes = undefined;
    await clock.advance(2 * minute);
    expect(keeper.revision()).toBe('r2');
  });

  it('tell of what is missing, and of what cannot be written', async () => {
    await begin();
    failVolumes = new DoorError(409, '409 configmap "c" not found');
    await clock.advance(20_000);
    expect(notes[0]).toBe('FailedMount: 409 configmap "c" not found');
    failVolumes = undefined;
    failWrite = new Error('ENOSPC');
    current = volumesOf('r2');
    await clock.advance(5 * minute);
    expect(notes.at(-1)).toBe('FailedMount: ENOSPC');
    expect(keeper.revision()).toBe('r1');
    failWrite = undefined;
    await clock.advance(5 * minute);
    expect(keeper.revision()).toBe('r2');
  });

  it('that cannot change are never asked for', async () => {
    keeper = createVolumeKeeper({
      door: { volumes: () => Promise.reject(new Error('asked')), token: () => Promise.reject(new Error('asked')) },
      writer: { write: () => Promise.resolve(true), prepare: () => Promise.resolve() },
      clock,
      log: silentLogger,
      timing: { min: 0, max: 0 },
      onChange: () => void changes++,
      onEvent: (_type, reason) => void notes.push(reason),
    });
    await keeper.begin({ volumes: { revision: 'r', volumes: [] }, tokens: [] });
    keeper.hint('other');
    await clock.advance(24 * 60 * minute);
    expect([notes, clock.pending()]).toEqual([[], 0]);
  });
});

describe('tokens', () => {
  it('are renewed when four fifths of their life are over, and written', async () => {
    await begin();
    await clock.advance(479_999);
    expect(tokensAsked).toEqual([]);
    await clock.advance(2);
    expect(tokensAsked).toEqual([{ at: 480_000, query }]);
    expect(written.at(-1)).toEqual({ revision: 'r1', token: 't1' });
    await clock.advance(480_000);
    expect(written.at(-1)).toEqual({ revision: 'r1', token: 't2' });
  });

  it('are each renewed in their own time', async () => {
    const long: TokenQuery = { audience: 'long', expirationSeconds: 3600 };
    const files = [query, long].map((token, i) => ({ path: `t${i}`, mode: 0o600, token }));
    current = { revision: 'r1', volumes: [{ name: 'r1', files }] };
    await keeper.begin({
      volumes: current,
      tokens: [
        { ...query, ...tokenOf(0) },
        { ...long, ...tokenOf(0, 3_600_000) },
      ],
    });
    await clock.advance(481_000);
    expect(tokensAsked.map((t) => t.query.audience)).toEqual(['vault']);
    await clock.advance(2_400_000);
    expect(tokensAsked.filter((t) => t.query.audience === 'long').map((t) => t.at)).toEqual([2_880_000]);
  });

  it('that cannot be renewed are tried again, soon at first', async () => {
    await begin();
    failToken = new DoorError(503, 'away');
    await clock.advance(480_000 + 5 * minute);
    expect(tokensAsked.length).toBeGreaterThan(3);
    expect(tokensAsked.length).toBeLessThan(30);
    failToken = undefined;
    await clock.advance(2 * minute);
    expect(written.at(-1)?.token).toBe(`t${tokensAsked.length}`);
    const count = tokensAsked.length;
    await clock.advance(5 * minute);
    expect(tokensAsked).toHaveLength(count);
  });

  it('that a new version of the volumes needs are asked for first', async () => {
    await keeper.begin({ volumes: { revision: 'r0', volumes: [] }, tokens: [] });
    current = volumesOf('r1');
    await clock.advance(15_001);
    expect(tokensAsked).toHaveLength(1);
    expect(written).toEqual([{ revision: 'r1', token: 't1' }]);
  });

  it('are not renewed any more once it is over', async () => {
    await begin();
    keeper.stop();
    await clock.advance(60 * minute);
    expect([asked, tokensAsked]).toEqual([[], []]);
  });
});
