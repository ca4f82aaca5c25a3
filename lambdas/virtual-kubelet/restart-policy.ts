import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';

/** A native sidecar: an init container that keeps running beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** Whether a container that ended with this code is to be started again: its rules, its own policy, then the pod's. */
export function shouldRestart(pod: Pod, container: Container, exitCode: number, isInit = false): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const values = rule.exitCodes?.values ?? [];
    const matches = rule.exitCodes?.operator === 'NotIn' ? !values.includes(exitCode) : values.includes(exitCode);
    if (rule.exitCodes && matches && rule.action === 'Restart') return true;
  }
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (policy === 'Never') return false;
  // An init container that succeeded is done, whatever the pod's policy says; a sidecar never is.
  if (policy === 'OnFailure' || (isInit && !isSidecar(container))) return exitCode !== 0;
  return true;
}
