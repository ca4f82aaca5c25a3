import { createManualClock } from '@nodeless/component-base/manual-clock';
import type { Authorizer } from '@nodeless/registry/authorization/authorizer';
import { createRegistry } from '@nodeless/registry/create-registry';
import { createInlineClient } from '@nodeless/registry/inline-client';
import { createResourceTable } from '@nodeless/registry/resource-table';
import { kinds } from '@nodeless/registry/resources/index';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import { describeClient } from './client.ts';

describeClient('inline client', async () => {
  const clock = createManualClock();
  const store = createMemoryStore({ clock });
  const authorizer: Authorizer = {
    authorize: ({ user }) => ({ decision: user.name === 'nobody' ? 'no-opinion' : 'allow', reason: '' }),
  };
  const registry = createRegistry({
    store,
    resources: createResourceTable({ kinds }),
    clock,
    admission: [],
    authorizer,
  });
  const clientOf = (name: string) =>
    createInlineClient({ registry, authorizer, user: { name, groups: [] }, fieldManager: name });
  return {
    client: clientOf('admin'),
    nobody: clientOf('nobody'),
    async dispose() {
      registry.close();
      await store.close();
    },
  };
});
