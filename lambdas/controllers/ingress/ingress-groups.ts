/** Ingresses of one group share a load balancer; one without a group has its own. */
import type { Ingress, IngressClass } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { Request } from '@nodeless/controller-runtime/controller';
import { albController } from '@nodeless/registry/bootstrap/aws-objects';
import { albPrefix } from './ingress-annotations.ts';

/** spec.controller of the classes that we serve: ours, and that of the AWS Load Balancer Controller. */
export const ingressControllers: readonly string[] = [albController, 'ingress.k8s.aws/alb'];
/** As upstream names them, so that a cluster can change hands. */
const implicitFinalizer = 'ingress.k8s.aws/resources';
const groupFinalizerPrefix = 'group.ingress.k8s.aws/';
const legacyClassAnnotation = 'kubernetes.io/ingress.class';

export function isServed(ingress: Ingress, classes: readonly IngressClass[]): boolean {
  const named = ingress.spec?.ingressClassName ?? ingress.metadata?.annotations?.[legacyClassAnnotation];
  if (!named) return false;
  const found = classes.find(({ metadata }) => metadata?.name === named);
  return found !== undefined && ingressControllers.includes(found.spec?.controller ?? '');
}

/** A name alone: a group of that name. With a namespace: one Ingress by itself. */
export function groupOf(ingress: Ingress): Request {
  const { namespace, name = '', annotations } = ingress.metadata ?? {};
  const group = annotations?.[`${albPrefix}group.name`]?.trim();
  // A name that cannot be one groups nothing; the annotation is told of in an event.
  if (group && /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/.test(group)) return { name: group };
  return { namespace, name };
}

export const groupId = ({ namespace, name }: Request): string => (namespace ? `${namespace}/${name}` : name);
export const finalizerOf = ({ namespace, name }: Request): string =>
  namespace ? implicitFinalizer : groupFinalizerPrefix + name;

/** Groups that hold something for the Ingress: where it is a member, and where it was one and has not been let go yet. */
export function groupsConcerned(ingress: Ingress): Request[] {
  const { namespace, name = '', finalizers = [] } = ingress.metadata ?? {};
  const found = new Map<string, Request>();
  const add = (group: Request): void => void found.set(groupId(group), group);
  add(groupOf(ingress));
  for (const finalizer of finalizers) {
    if (finalizer === implicitFinalizer) add({ namespace, name });
    else if (finalizer.startsWith(groupFinalizerPrefix)) add({ name: finalizer.slice(groupFinalizerPrefix.length) });
  }
  return [...found.values()];
}

export function holds(ingress: Ingress, group: Request): boolean {
  const { namespace, name, finalizers = [] } = ingress.metadata ?? {};
  if (!finalizers.includes(finalizerOf(group))) return false;
  return !group.namespace || (group.namespace === namespace && group.name === name);
}
