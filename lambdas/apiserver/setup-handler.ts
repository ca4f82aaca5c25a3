/** Sets a cluster up when its stack is made: custom resources of CloudFormation. */
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { SSMClient } from '@aws-sdk/client-ssm';
import { systemClock as clock } from '@nodeless/component-base/clock';
import { functionSettings } from '@nodeless/component-base/function-settings';
import { createLogger } from '@nodeless/component-base/logger';
import { stayAwake } from '@nodeless/component-base/stay-awake';
import { apiServerUser } from '@nodeless/controller-runtime/component-users';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { awsObjects } from '@nodeless/registry/bootstrap/aws-objects';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import { beginNewLife } from '@nodeless/store/dynamodb/begin-new-life';
import { createDynamoClient } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { Context } from 'aws-lambda';
import { createClusterParameters } from '@nodeless/component-base/aws/cluster-parameters';
import { ensureSigningKey } from './aws/signing-key.ts';
import { type CustomResourceEvent, serveCustomResource } from './setup/custom-resource.ts';
import { createManifestResource } from './setup/manifest-resource.ts';
import { createClusterSetUp } from './setup/set-up-cluster.ts';

const { cluster, table, parameters: path } = functionSettings();
const log = createLogger({ fields: { function: 'setup' } });
const ssm = new SSMClient({
  requestHandler: new NodeHttpHandler({ connectionTimeout: 1_000, requestTimeout: 3_000 }),
  maxAttempts: 3,
});
const parameters = createClusterParameters({ client: ssm, path, clock });

const open = () => {
  const store = createDynamoDbStore({
    table: createDynamoTable({ client: createDynamoClient(), name: table, clock }),
    clock,
    log,
  });
  return createClusterRegistry({ store, clock });
};
let opened: ReturnType<typeof open> | undefined;
const registry = async (): ReturnType<typeof open> => {
  opened ??= open();
  opened.catch(() => (opened = undefined));
  const found = await opened;
  await found.refresh();
  return found;
};
const admin = async () => (await registry()).clientFor(apiServerUser, 'kube-apiserver');

const resources = {
  'Custom::NodelessSetup': createClusterSetUp({
    cluster,
    async beginNewLife() {
      const { restored } = await beginNewLife({ client: createDynamoClient(), name: table, clock });
      if (!restored) return;
      log.warn('the table was restored: revisions go on above all that were given out before');
      // What this process holds is of the life before.
      opened = undefined;
    },
    // A key in KMS is made by the stack.
    ensureSigningKey: async () => {
      if (!process.env['NODELESS_SIGNING_KEY']) await ensureSigningKey({ client: ssm, parameters, path, cluster });
    },
    bootstrap: async (options) => {
      await ensureBootstrap(await admin(), { ...options, more: awsObjects });
      await reconcilePolicy(await admin());
    },
    clock,
    log,
  }),
  'Custom::NodelessManifest': createManifestResource({
    client: admin,
    typeOf: async ({ apiVersion, kind }) => {
      const { resources: table } = await registry();
      return table.all().find((served) => served.apiVersion === apiVersion && served.kind === kind);
    },
    clock,
  }),
};

export async function handler(event: CustomResourceEvent, context: Context): Promise<void> {
  await stayAwake(() => serveCustomResource(event, context.getRemainingTimeInMillis(), { resources, clock, log }));
}
