import { filterPlugin, ok, unfit } from '../framework.ts';

/** A pod that names its node runs there and nowhere else. */
export const nodeName = filterPlugin({
  name: 'NodeName',
  prepare: (pod) => (pod.pod.spec?.nodeName ? undefined : 'skip'),
  filter: (pod, node) =>
    pod.pod.spec?.nodeName === node.name ? ok : unfit("node(s) didn't match the requested node name", false),
  retryOn: ['node-added'],
});
