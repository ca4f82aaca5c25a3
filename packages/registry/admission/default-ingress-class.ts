import type { Ingress } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { AdmissionPlugin } from './admission.ts';
import { defaultOf } from './default-class.ts';

const mark = 'ingressclass.kubernetes.io/is-default-class';
const oldField = 'kubernetes.io/ingress.class';

/** An Ingress that names no class gets the default, if there is one. */
export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  handles: ({ resource, subresource, operation }) =>
    resource.group === 'networking.k8s.io' &&
    resource.resource === 'ingresses' &&
    subresource === '' &&
    operation === 'CREATE',
  async admit({ object }, read) {
    const ingress = object as (UnknownObject & Ingress) | undefined;
    if (
      !ingress?.spec ||
      ingress.spec.ingressClassName !== undefined ||
      ingress.metadata?.annotations?.[oldField] !== undefined
    )
      return;
    const found = defaultOf(await read.list('networking.k8s.io', 'ingressclasses'), [mark]);
    if (found) ingress.spec.ingressClassName = found;
  },
};
