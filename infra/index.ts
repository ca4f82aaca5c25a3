/** What `import … from 'nodeless'` gives to a CDK app. */
export type { AccessEntry } from './constructs/parameters.ts';
export type { GivenNetwork } from './constructs/network.ts';
export type { Manifest } from './constructs/lifecycle.ts';
export { NodelessCluster, type NodelessClusterProps } from './nodeless-cluster.ts';
export { NodelessStack, type NodelessStackProps } from './nodeless-stack.ts';
export {
  type MonitoringSettings,
  type NetworkSettings,
  type NodelessOptions,
  type NodelessSettings,
  type PodSettings,
  type StateSettings,
} from './settings.ts';
