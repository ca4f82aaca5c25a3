/** Labels of nodes that have got another name. */
import type { NodeSelectorTerm } from '@nodeless/apimachinery/generated/types/core/v1';
import type { LabelSelector } from '@nodeless/apimachinery/generated/types/meta/v1';
import { isLabelValue } from '@nodeless/apimachinery/names';

const deprecated = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
  ['app.kubernetes.io/created-by', 'deprecated since v1.9'],
  ['scheduler.alpha.kubernetes.io/preferAvoidPods', 'deprecated since v1.22; use Taints and Tolerations instead'],
  ['node-role.kubernetes.io/master', 'use "node-role.kubernetes.io/control-plane" instead'],
]);

export function warnOfNodeLabel(warnings: string[], key: string, text: (message: string) => string): void {
  const message = deprecated.get(key);
  if (message !== undefined) warnings.push(text(message));
}

export function warnOfNodeSelectorTerm(
  warnings: string[],
  path: string,
  term: Readonly<NodeSelectorTerm>,
  checkValues: boolean,
): void {
  term.matchExpressions?.forEach((expression, i) => {
    const at = `${path}.matchExpressions[${i}]`;
    warnOfNodeLabel(warnings, expression.key, (message) => `${at}.key: ${expression.key} is ${message}`);
    if (!checkValues) return;
    expression.values?.forEach((value, j) => {
      for (const complaint of isLabelValue(value))
        warnings.push(`${at}.values[${j}]: ${value} is invalid, ${complaint}`);
    });
  });
}

export function warnOfNodeSelector(
  warnings: string[],
  path: string,
  selector: Readonly<LabelSelector> | undefined,
): void {
  selector?.matchExpressions?.forEach((expression, i) => {
    warnOfNodeLabel(
      warnings,
      expression.key,
      (message) => `${path}.matchExpressions[${i}].key: ${expression.key} is ${message}`,
    );
  });
  for (const label of Object.keys(selector?.matchLabels ?? {})) {
    warnOfNodeLabel(warnings, label, (message) => `${path}.matchLabels.${label}: ${message}`);
  }
}
