import type { ParentReference } from '@nodeless/apimachinery/generated/types/networking/v1';

/** `services/namespace/name` */
export function parentCell(parent: Readonly<ParentReference> | undefined): string {
  if (!parent) return '<none>';
  const resource = parent.group ? `${parent.resource ?? ''}.${parent.group}` : (parent.resource ?? '');
  return [resource.toLowerCase(), ...(parent.namespace ? [parent.namespace] : []), parent.name ?? ''].join('/');
}
