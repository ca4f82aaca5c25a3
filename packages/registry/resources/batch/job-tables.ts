import type { CronJob, Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import { humanDuration } from '@nodeless/apimachinery/duration';
import { formatLabelSelector } from '@nodeless/apimachinery/labels';
import { imagesOf, namesOf, type Row } from '../table-of.ts';

/** What a job is doing, from its conditions; the first that holds. */
const states: readonly (readonly [condition: string, shown: string])[] = [
  ['Complete', 'Complete'],
  ['Failed', 'Failed'],
  ['', 'Terminating'],
  ['Suspended', 'Suspended'],
  ['FailureTarget', 'FailureTarget'],
  ['SuccessCriteriaMet', 'SuccessCriteriaMet'],
];

export function jobCells(job: Readonly<Job>, { name, age, since }: Row): unknown[] {
  const { spec, status } = job;
  const succeeded = status?.succeeded ?? 0;
  const parallelism = spec?.parallelism ?? 0;
  const completions = `${succeeded}/${spec?.completions ?? (parallelism > 1 ? `1 of ${parallelism}` : 1)}`;
  const containers = spec?.template?.spec?.containers;
  return [
    name,
    stateOf(job),
    completions,
    durationOf(status, since),
    age,
    namesOf(containers),
    imagesOf(containers),
    formatLabelSelector(spec?.selector),
  ];
}

function stateOf({ metadata, status }: Readonly<Job>): string {
  const holds = (type: string): boolean =>
    type === ''
      ? metadata?.deletionTimestamp !== undefined
      : status?.conditions?.find((c) => c.type === type)?.status === 'True';
  return states.find(([condition]) => holds(condition))?.[1] ?? 'Running';
}

function durationOf(status: Job['status'], since: Row['since']): string {
  if (!status?.startTime) return '';
  return status.completionTime
    ? humanDuration(Date.parse(status.completionTime) - Date.parse(status.startTime))
    : since(status.startTime);
}

export function cronJobCells({ spec, status }: Readonly<CronJob>, { name, age, since }: Row): unknown[] {
  const job = spec?.jobTemplate?.spec;
  const containers = job?.template?.spec?.containers;
  const suspend = spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False';
  const last = status?.lastScheduleTime ? since(status.lastScheduleTime) : '<none>';
  return [
    name,
    spec?.schedule ?? '',
    spec?.timeZone ?? '<none>',
    suspend,
    status?.active?.length ?? 0,
    last,
    age,
    namesOf(containers),
    imagesOf(containers),
    formatLabelSelector(job?.selector),
  ];
}
