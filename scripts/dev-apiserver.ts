/** The API server alone, on a store in memory: for differential runs and load. `dev-apiserver.ts [port] [token file]` */
import { createLogger } from '@nodeless/component-base/logger';
import { writeFileSync } from 'node:fs';
import { startApiServer } from '../test/builders/api-server.ts';

const [port = '7443', tokenFile = 'dev-apiserver.token'] = process.argv.slice(2);
const log = createLogger({});
const server = await startApiServer({ port: Number(port), log });
const services = { group: '', version: 'v1', resource: 'services', kind: 'Service', namespaced: true };
const kubernetes = {
  metadata: { name: 'kubernetes', namespace: 'default' },
  spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, targetPort: 6443 }] },
};
await server.inlineClient().create(services, kubernetes);
writeFileSync(tokenFile, server.adminToken);
log.info('ready', { url: server.url, ms: Math.round(performance.now()) });
process.on('SIGTERM', () => void server.close().then(() => process.exit(0)));
