import type { UnknownObject } from '@nodeless/apimachinery/object';

/** The name of the class that one of these annotations marks as the default: of several the newest, then the first by name. */
export function defaultOf(
  classes: readonly Readonly<UnknownObject>[],
  annotations: readonly string[],
): string | undefined {
  const marked = classes.filter(({ metadata }) => annotations.some((name) => metadata?.annotations?.[name] === 'true'));
  const made = ({ metadata }: Readonly<UnknownObject>): number => Date.parse(metadata?.creationTimestamp ?? '') || 0;
  const name = ({ metadata }: Readonly<UnknownObject>): string => metadata?.name ?? '';
  const [first] = marked.toSorted((a, b) => made(b) - made(a) || (name(a) < name(b) ? -1 : 1));
  return first && name(first);
}
