/** The annotations that AppArmor profiles once were become fields of new pods. */
import type { AppArmorProfile, Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import { appArmorPrefix } from './annotation-validation.ts';
import { visitContainers } from './windows-validation.ts';

export function appArmorFieldsFromAnnotations(pod: Pod): void {
  const annotations = pod.metadata?.annotations;
  const spec = pod.spec;
  if (annotations === undefined || spec === undefined || spec.os?.name === 'windows') return;
  visitContainers(spec, '', (container) => {
    const annotation = annotations[appArmorPrefix + container.name];
    if (annotation === undefined || container.securityContext?.appArmorProfile) return;
    const profile = profileOf(annotation);
    if (profile && !deepEqual(profile, spec.securityContext?.appArmorProfile)) {
      ((container as Container).securityContext ??= {}).appArmorProfile = profile;
    }
  });
}

function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const name = annotation.startsWith('localhost/') ? annotation.slice('localhost/'.length) : '';
  return name !== '' && name.trim() === name && Buffer.byteLength(name) <= 4095
    ? { type: 'Localhost', localhostProfile: name }
    : undefined;
}
