import { filterPlugin, normalizeTo100, ok, scorePlugin, unfit } from '../framework.ts';
import { tolerates, untolerated } from '../tolerations.ts';

export const taintToleration = filterPlugin({
  name: 'TaintToleration',
  filter(pod, node) {
    const taint = untolerated(node.node.spec?.taints, pod.pod.spec?.tolerations, ['NoSchedule', 'NoExecute']);
    if (!taint) return ok;
    return unfit(`node(s) had untolerated taint(s)`, false);
  },
  retryOn: ['node-added', 'node-taints', 'pod-updated'],
});

/** Fewer PreferNoSchedule taints that the pod does not tolerate are better. */
export const taintTolerationScore = scorePlugin({
  name: 'TaintToleration',
  score(pod, node) {
    const preferring = pod.pod.spec?.tolerations?.filter((t) => !t.effect || t.effect === 'PreferNoSchedule');
    return (node.node.spec?.taints ?? []).filter((t) => t.effect === 'PreferNoSchedule' && !tolerates(preferring, t))
      .length;
  },
  normalize: (scores) => normalizeTo100(scores, true),
});
