import type { ReplicationController } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatLabels } from '@nodeless/apimachinery/labels';
import { imagesOf, namesOf, type Row } from '../table-of.ts';

export function replicationControllerCells(
  { spec, status }: Readonly<ReplicationController>,
  { name, age }: Row,
): unknown[] {
  const containers = spec?.template?.spec?.containers;
  const counts = [spec?.replicas ?? 0, status?.replicas ?? 0, status?.readyReplicas ?? 0];
  return [name, ...counts, age, namesOf(containers), imagesOf(containers), formatLabels(spec?.selector)];
}
