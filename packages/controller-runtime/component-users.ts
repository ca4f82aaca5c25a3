/** Who the control plane's components are to the API server. The bootstrap policy (registry/authorization) grants these users what they need. */

/** The identity part of registry/strategy.ts' UserInfo. */
export interface ComponentUser {
  readonly name: string;
  readonly groups: readonly string[];
}

const authenticated = 'system:authenticated';

/** Of the caches that all controllers share. */
export const controllerManagerUser: ComponentUser = { name: 'system:kube-controller-manager', groups: [authenticated] };
export const schedulerUser: ComponentUser = { name: 'system:kube-scheduler', groups: [authenticated] };
/** The API server to itself. */
export const apiServerUser: ComponentUser = { name: 'system:apiserver', groups: ['system:masters', authenticated] };

/** The user that a controller acts as. Make it once and keep it: authorizers remember users by identity. */
export function controllerUser(name: string, actsAs?: 'apiserver'): ComponentUser {
  if (actsAs === 'apiserver') return apiServerUser;
  return {
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', authenticated],
  };
}
