import { type Probed, unique, withCleanUp } from './probe.ts';
import { createStack } from './rules.ts';

/** Resource types of our stack that emulators are known to lack, each with a minimal example. */
export const stackResource =
  (Type: string, resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>) =>
  (aws: Probed): Promise<string | undefined> =>
    withCleanUp(async (after) => {
      try {
        await createStack(aws, after, unique('stack'), resources);
        return undefined;
      } catch (thrown) {
        return `${Type}: ${thrown instanceof Error ? thrown.message.slice(0, 200) : String(thrown)}`;
      }
    });

export const capacityProviders = stackResource('AWS::ECS::ClusterCapacityProviderAssociations', {
  Cluster: { Type: 'AWS::ECS::Cluster' },
  Association: {
    Type: 'AWS::ECS::ClusterCapacityProviderAssociations',
    Properties: {
      Cluster: { Ref: 'Cluster' },
      CapacityProviders: ['FARGATE', 'FARGATE_SPOT'],
      DefaultCapacityProviderStrategy: [],
    },
  },
});
