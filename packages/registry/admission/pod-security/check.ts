import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';

export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export interface PodCheck {
  readonly id: string;
  /** The restricted level has a stricter check of the same thing. */
  readonly overriddenByRestricted?: boolean;
  /** Minor version of 1.x since when it counts. */
  readonly since?: number;
  check(pod: Readonly<Pod>): Violation | undefined;
}

/** Init, regular and ephemeral containers, as one kind. */
export function allContainers(pod: Readonly<Pod>): Container[] {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...initContainers, ...containers, ...(ephemeralContainers as Container[])];
}

export const pluralize = (singular: string, plural: string, count: number): string => (count === 1 ? singular : plural);
export const quoteList = (values: readonly string[]): string => values.map((value) => `"${value}"`).join(', ');
export const containerList = (names: readonly string[]): string =>
  `${pluralize('container', 'containers', names.length)} ${quoteList(names)}`;
