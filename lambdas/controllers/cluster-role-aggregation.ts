import { planAggregation } from '@nodeless/registry/authorization/aggregation';
import { clusterRoles } from '@nodeless/client/resource-types';
import { type Controller, watchRule } from '@nodeless/controller-runtime/controller';

/** Keeps the rules of aggregated ClusterRoles equal to those of the roles they select. */
export const clusterRoleAggregationController: Controller = {
  name: 'clusterrole-aggregation-controller',
  watches: [
    watchRule({
      type: clusterRoles,
      async requests(_change, lookup) {
        const all = await lookup.list(clusterRoles);
        return all.filter((role) => role.aggregationRule).map((role) => ({ name: role.metadata?.name ?? '' }));
      },
    }),
  ],
  async reconcile({ name }, { cache, client }) {
    const role = await cache.get(clusterRoles, { name });
    const rules = role && planAggregation(role, await cache.list(clusterRoles));
    if (rules)
      await client.apply(
        clusterRoles,
        { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules },
        { fieldManager: 'clusterrole-aggregation-controller', force: true },
      );
  },
};
