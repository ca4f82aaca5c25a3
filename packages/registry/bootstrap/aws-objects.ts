/** What clusters in AWS hold from their first moment on, beside what every cluster does. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';

/** spec.controller of the classes whose Ingresses get application load balancers. */
export const albController = 'nodeless.dev/alb';

const ingressClasses: ResourceType<UnknownObject> = {
  group: 'networking.k8s.io',
  version: 'v1',
  resource: 'ingressclasses',
  kind: 'IngressClass',
  namespaced: false,
};

/** `alb` is the name that manifests written for EKS use. */
export const awsObjects: readonly { readonly type: ResourceType<UnknownObject>; readonly object: UnknownObject }[] = [
  'alb',
  'nodeless',
].map((name) => ({
  type: ingressClasses,
  object: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name },
    spec: { controller: albController },
  },
}));
