import type { HealthCheck } from '@aws-sdk/client-ecs';
import type { Container, Probe } from '@nodeless/apimachinery/generated/types/core/v1';

/** ECS' bounds: docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html */
const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

/**
 * The one health check that ECS runs in a container, from its exec probes: all of them run the same command (admission sees to
 * it). Probes over the network are the agent's.
 */
export function healthCheck(container: Container): HealthCheck | undefined {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  const probe = [livenessProbe, readinessProbe, startupProbe].find(isExec);
  if (!probe) return undefined;
  const startup = isExec(startupProbe) ? (startupProbe.failureThreshold ?? 3) * (startupProbe.periodSeconds ?? 10) : 0;
  return {
    command: ['CMD', ...(probe.exec?.command ?? [])],
    interval: clamp(probe.periodSeconds ?? 10, 5, 300),
    timeout: clamp(probe.timeoutSeconds ?? 1, 2, 60),
    retries: clamp(probe.failureThreshold ?? 3, 1, 10),
    startPeriod: clamp((probe.initialDelaySeconds ?? 0) + startup, 0, 300),
  };
}

export const isExec = (probe: Probe | undefined): probe is Probe => (probe?.exec?.command?.length ?? 0) > 0;
