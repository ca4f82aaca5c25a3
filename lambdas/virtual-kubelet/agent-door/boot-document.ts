import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type {
  AgentContainer,
  AgentTiming,
  BootDocument,
  Capability,
  TokenQuery,
  TokenResponse,
} from '../agent/agent-protocol.ts';
import { type ClusterDns, podDns } from '../pod-dns.ts';
import { isSidecar } from '../restart-policy.ts';
import { agentFolders, type AgentVolumes, type Changeability } from './agent-volumes.ts';

const minute = 60_000;
/** What polling costs decides: a request is a run of a function. Edits arrive within two minutes, as with a kubelet. */
const volumeTiming: Readonly<Record<Changeability, AgentTiming['volumes']>> = {
  often: { min: 15_000, max: 2 * minute },
  rarely: { min: 360 * minute, max: 360 * minute },
  never: { min: 0, max: 0 },
};
const timing: Omit<AgentTiming, 'volumes'> = {
  heartbeat: 30 * minute,
  gather: 100,
  services: { min: 10_000, max: 2 * minute },
  metadata: { starting: 500, running: 2_000 },
  events: 30_000,
  // The kubelet stops the tasks of deleted pods; this is for tasks that it has lost. A mistake must not end every pod.
  gone: 20_000,
};

export interface BootParts {
  readonly pod: Pod;
  readonly volumes: AgentVolumes;
  readonly tokens: readonly (TokenQuery & TokenResponse)[];
  readonly dns: ClusterDns;
  readonly withServices: boolean;
  /** In place of the usual ones. */
  readonly timing?: Partial<AgentTiming>;
}

export function bootDocument(parts: BootParts): BootDocument {
  const { pod, volumes, tokens, dns } = parts;
  const { metadata, spec } = pod;
  const capabilities: Capability[] = ['volumes', 'tokens', 'probes', 'health-check-probes'];
  return {
    protocol: 1,
    capabilities: parts.withServices ? [...capabilities, 'services'] : capabilities,
    pod: {
      namespace: metadata?.namespace ?? '',
      name: metadata?.name ?? '',
      uid: metadata?.uid ?? '',
      nodeName: spec?.nodeName ?? '',
      serviceAccountName: spec?.serviceAccountName || 'default',
    },
    volumes: volumes.response,
    tokens,
    emptyDirs: agentFolders(pod),
    containers: [
      ...(spec?.initContainers ?? []).filter(isSidecar).map((c) => agentContainerOf(c, 'spec.initContainers')),
      ...(spec?.containers ?? []).map((c) => agentContainerOf(c, 'spec.containers')),
    ],
    dns: podDns(pod, dns),
    timing: { ...timing, volumes: volumeTiming[volumes.changeability], ...parts.timing },
    // A pod that is restarted for ever has no end of its own.
    endsWith: (spec?.restartPolicy ?? 'Always') === 'Always' ? [] : (spec?.containers ?? []).map((c) => c.name),
  };
}

function agentContainerOf(container: Container, list: string): AgentContainer {
  const { name, ports = [], startupProbe, livenessProbe, readinessProbe } = container;
  return {
    name,
    fieldPath: `${list}{${name}}`,
    ports: ports.map(({ name: portName, containerPort, protocol }) => ({
      ...(portName ? { name: portName } : {}),
      containerPort,
      ...(protocol ? { protocol } : {}),
    })),
    ...(startupProbe ? { startupProbe } : {}),
    ...(livenessProbe ? { livenessProbe } : {}),
    ...(readinessProbe ? { readinessProbe } : {}),
  };
}
