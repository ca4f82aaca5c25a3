import { createHttpClient } from '@nodeless/client/http-client';
import { resourceType } from '@nodeless/client/client';
import { systemClock } from '@nodeless/component-base/clock';
import { adminToken, startApiServer } from '../builders/api-server.ts';
import { describeClient } from './client.ts';

const namespaces = resourceType('', 'v1', 'namespaces', 'Namespace', false);
const serviceAccounts = resourceType('', 'v1', 'serviceaccounts', 'ServiceAccount');

describeClient('HTTP client', async () => {
  const server = await startApiServer({ tokens: [{ token: 'nobody-token', user: 'nobody', groups: [] }] });
  const setup = server.inlineClient();
  for (const name of ['default', 'other']) {
    await setup.create(namespaces, { metadata: { name } }).catch(() => undefined);
    await setup.create(serviceAccounts, { metadata: { name: 'default', namespace: name } });
  }
  const clientOf = (token: string) =>
    createHttpClient({
      server: server.url,
      ca: server.ca.certificate,
      token: () => token,
      userAgent: 'contract',
      clock: systemClock,
    });
  const [client, nobody] = [clientOf(adminToken), clientOf('nobody-token')];
  return {
    client,
    nobody,
    async dispose() {
      client.close();
      nobody.close();
      await server.close();
    },
  };
});
