import type { UnknownObject } from '@nodeless/apimachinery/object';
import { metadataOf } from '../carry-over.ts';

/** spec.templateGeneration lives on as an annotation in apps/v1. */
export const templateGeneration = 'deprecated.daemonset.template.generation';

export function readTemplateGeneration(object: Readonly<UnknownObject>): number {
  const text = object.metadata?.annotations?.[templateGeneration];
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : 0;
}

export function setTemplateGeneration(object: UnknownObject, value: number): void {
  const metadata = metadataOf(object);
  metadata.annotations = { ...metadata.annotations, [templateGeneration]: String(value) };
}
