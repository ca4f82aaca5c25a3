/** Groups of the Kubernetes community are not for everyone to define kinds in. */
import type { CustomResourceDefinition } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { type Faults, invalid, required } from '../checks.ts';
import { parseGoUrl } from '../go-url.ts';

type Definition = Readonly<CustomResourceDefinition>;

const annotation = 'api-approved.kubernetes.io';
const more = 'see https://github.com/kubernetes/enhancements/pull/1111';

type State = 'missing' | 'bypassed' | 'approved' | 'invalid';

function stateOf(definition: Definition): State {
  const text = definition.metadata?.annotations?.[annotation] ?? '';
  if (text === '') return 'missing';
  if (text.startsWith('unapproved')) return 'bypassed';
  const url = parseGoUrl(text);
  return typeof url !== 'string' && url.host !== '' && url.scheme !== '' ? 'approved' : 'invalid';
}

export function checkApproval(faults: Faults, definition: Definition, old?: Definition): void {
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(definition.spec?.group ?? '')) return;
  const state = stateOf(definition);
  if (old && stateOf(old) === state) return;
  const path = `metadata.annotations[${annotation}]`;
  const rule = `protected groups must have approval annotation "${annotation}"`;
  if (state === 'missing') faults.push(required(path, `${rule}, ${more}`));
  if (state === 'invalid') {
    const value = definition.metadata?.annotations?.[annotation];
    faults.push(invalid(path, value, `${rule} with either a URL or a reason starting with "unapproved", ${more}`));
  }
}
