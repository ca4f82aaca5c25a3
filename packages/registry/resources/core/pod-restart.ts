import type { Container, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';

/** Whether a container that ended so may run again: its own rules first, then its policy, then the pod's. */
export function mayRestart(
  container: Readonly<Container>,
  spec: Readonly<PodSpec>,
  exitCode: number | undefined,
): boolean {
  const code = exitCode ?? 0;
  if (container.restartPolicy !== undefined) {
    const rule = container.restartPolicyRules?.find(({ exitCodes }) => {
      const listed = exitCodes?.values?.includes(code) ?? false;
      return exitCodes?.operator === 'In' ? listed : exitCodes?.operator === 'NotIn' && !listed;
    });
    if (rule?.action === 'Restart' || rule?.action === 'RestartAllContainers') return true;
    if (container.restartPolicy === 'Always') return true;
    if (container.restartPolicy === 'OnFailure') return code !== 0;
    if (container.restartPolicy === 'Never') return false;
  }
  if (spec.restartPolicy === 'OnFailure') return code !== 0;
  return spec.restartPolicy !== 'Never';
}

export function mayRestartAll(spec: Readonly<PodSpec>): boolean {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])].some((container) =>
    container.restartPolicyRules?.some((rule) => rule.action === 'RestartAllContainers'),
  );
}
