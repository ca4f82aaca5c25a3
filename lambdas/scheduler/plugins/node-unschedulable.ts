import { filterPlugin, ok, unfit } from '../framework.ts';
import { tolerates } from '../tolerations.ts';

const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable = filterPlugin({
  name: 'NodeUnschedulable',
  filter(pod, node) {
    if (!node.node.spec?.unschedulable || tolerates(pod.pod.spec?.tolerations, taint)) return ok;
    return unfit('node(s) were unschedulable', false);
  },
  retryOn: ['node-added', 'node-unschedulable', 'pod-updated'],
});
