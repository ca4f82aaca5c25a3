import { createManualClock } from '@nodeless/component-base/manual-clock';
import { systemClock } from '@nodeless/component-base/clock';
import { describe, it } from 'vitest';
import { createAgentCluster, serveDoor } from '../builders/agent-door.ts';
import { type CallOptions, doorCases, type DoorHarness } from './agent-protocol.ts';

function requestInit(method: string, { token, headers, body }: CallOptions = {}): RequestInit {
  return {
    method,
    headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

const harnesses: Readonly<Record<string, () => Promise<DoorHarness>>> = {
  async 'in process'() {
    const cluster = await createAgentCluster({ clock: createManualClock() });
    return {
      cluster,
      call: (method, path, options) => cluster.door(new Request(`http://door${path}`, requestInit(method, options))),
      dispose: () => cluster.close(),
    };
  },
  async 'over HTTP'() {
    const cluster = await createAgentCluster({ clock: { ...systemClock, now: () => fixedNow } });
    const server = await serveDoor(cluster.door);
    return {
      cluster,
      call: (method, path, options) => fetch(`http://127.0.0.1:${server.port}${path}`, requestInit(method, options)),
      async dispose() {
        await server.close();
        await cluster.close();
      },
    };
  },
};
const fixedNow = Date.UTC(2030, 0, 1);

for (const [name, make] of Object.entries(harnesses)) {
  describe(`the agents’ door ${name}`, () => {
    for (const [title, run] of Object.entries(doorCases)) {
      it(title, async () => {
        const harness = await make();
        try {
          await run(harness);
        } finally {
          await harness.dispose();
        }
      });
    }
  });
}
