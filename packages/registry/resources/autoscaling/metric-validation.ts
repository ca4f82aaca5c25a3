import type { MetricIdentifier, MetricSpec, MetricTarget } from '@nodeless/apimachinery/generated/types/autoscaling/v2';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import { parseQuantity, quantitySign } from '@nodeless/apimachinery/quantity';
import { check, checkDnsLabel, type Faults, forbidden, invalid, notSupported, required } from '../checks.ts';
import { checkContainerResourceName } from '../core/pod-template/resource-names.ts';
import { checkReference, type ReferenceRules } from './autoscaler-validation.ts';

const types = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];
/** In the order in which upstream looks for them: only the first is checked. */
const sources = ['object', 'external', 'pods', 'resource', 'containerResource'] as const;

export function checkMetric(faults: Faults, path: string, metric: Readonly<MetricSpec>, rules: ReferenceRules): void {
  const { type = '' } = metric;
  if (type === '') faults.push(required(`${path}.type`, 'must specify a metric source type'));
  const isKnown = types.includes(type);
  if (!isKnown) faults.push(notSupported(`${path}.type`, type, types));
  const given = sources.filter((source) => metric[source]);
  if (given[0]) checkSource(faults, `${path}.${given[0]}`, metric, given[0], rules);
  const expected = sources.find((source) => isKnown && source === type[0]!.toLowerCase() + type.slice(1));
  if (expected && !metric[expected])
    faults.push(required(`${path}.${expected}`, 'must populate information for the given metric source'));
  if (!isKnown) faults.push(notSupported(`${path}.type`, type, types));
  if (given.length === 1) return;
  for (const source of given)
    if (source !== expected) faults.push(forbidden(`${path}.${source}`, 'must populate the given metric source only'));
}

function checkSource(
  faults: Faults,
  path: string,
  metric: Readonly<MetricSpec>,
  source: (typeof sources)[number],
  rules: ReferenceRules,
): void {
  switch (source) {
    case 'object': {
      const { describedObject, metric: id, target } = metric.object!;
      checkReference(faults, `${path}.describedObject`, describedObject ?? { kind: '', name: '' }, rules);
      checkIdentifier(faults, `${path}.metric`, id);
      checkTarget(faults, `${path}.target`, target);
      if (!has(target, 'value') && !has(target, 'averageValue')) {
        faults.push(required(`${path}.target.averageValue`, 'must set either a target value or averageValue'));
      }
      return;
    }
    case 'external': {
      const { metric: id, target } = metric.external!;
      checkIdentifier(faults, `${path}.metric`, id);
      checkTarget(faults, `${path}.target`, target);
      if (!has(target, 'value') && !has(target, 'averageValue')) {
        faults.push(
          required(`${path}.target.averageValue`, 'must set either a target value for metric or a per-pod target'),
        );
      }
      if (has(target, 'value') && has(target, 'averageValue')) {
        faults.push(
          forbidden(`${path}.target.value`, 'may not set both a target value for metric and a per-pod target'),
        );
      }
      return;
    }
    case 'pods': {
      const { metric: id, target } = metric.pods!;
      checkIdentifier(faults, `${path}.metric`, id);
      checkTarget(faults, `${path}.target`, target);
      if (!has(target, 'averageValue'))
        faults.push(required(`${path}.target.averageValue`, 'must specify a positive target averageValue'));
      return;
    }
    case 'resource': {
      const { name, target } = metric.resource!;
      if (!name) faults.push(required(`${path}.name`, 'must specify a resource name'));
      checkShare(faults, `${path}.target`, target);
      return;
    }
    case 'containerResource': {
      const { name, container, target } = metric.containerResource!;
      if (!name) faults.push(required(`${path}.name`, 'must specify a resource name'));
      else checkContainerResourceName(faults, `${path}.name`, name);
      if (!container) faults.push(required(`${path}.container`, 'must specify a container'));
      else checkDnsLabel(faults, `${path}.container`, container);
      checkShare(faults, `${path}.target`, target);
    }
  }
}

const has = (target: Readonly<MetricTarget> | undefined, field: keyof MetricTarget): boolean =>
  target?.[field] !== undefined;

/** A target of a resource: a value or a share of what is requested. */
function checkShare(faults: Faults, path: string, target: Readonly<MetricTarget> | undefined): void {
  checkTarget(faults, path, target);
  if (!has(target, 'averageUtilization') && !has(target, 'averageValue')) {
    faults.push(required(`${path}.averageUtilization`, 'must set either a target raw value or a target utilization'));
  }
  if (has(target, 'averageUtilization') && has(target, 'averageValue')) {
    faults.push(forbidden(`${path}.averageValue`, 'may not set both a target raw value and a target utilization'));
  }
}

function checkTarget(faults: Faults, path: string, target: Readonly<MetricTarget> | undefined): void {
  const type = target?.type ?? '';
  if (type === '') faults.push(required(`${path}.type`, 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(type))
    faults.push(invalid(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue'] as const) {
    const value = target?.[field];
    if (value !== undefined && quantitySign(parseQuantity(value)) !== 1)
      faults.push(invalid(`${path}.${field}`, String(value), 'must be positive'));
  }
  const share = target?.averageUtilization;
  if (share !== undefined && share < 1)
    faults.push(invalid(`${path}.averageUtilization`, share, 'must be greater than 0'));
}

function checkIdentifier(faults: Faults, path: string, id: Readonly<MetricIdentifier> | undefined): void {
  if (!id?.name) faults.push(required(`${path}.name`, 'must specify a metric name'));
  else check(faults, `${path}.name`, id.name, isPathSegmentName(id.name));
}
