import type {
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  Probe,
  ProbeHandler,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { isHttpHeaderName, isPortName, isPortNumber } from '@nodeless/apimachinery/names';
import { check, checkNonNegative, type Faults, forbidden, invalid, notSupported, required } from '../../checks.ts';

type Handler = Pick<LifecycleHandler & ProbeHandler, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc' | 'sleep'>;

export interface ProbeUse {
  readonly kind: 'liveness' | 'readiness' | 'startup';
  /** Of the pod. */
  readonly gracePeriod: number | undefined;
}

export function checkProbe(faults: Faults, path: string, probe: Readonly<Probe> | undefined, use: ProbeUse): void {
  if (!probe) return;
  const { exec, httpGet, tcpSocket, grpc } = probe;
  checkHandler(faults, path, { exec, httpGet, tcpSocket, grpc }, use.gracePeriod);
  checkNonNegative(faults, `${path}.initialDelaySeconds`, probe.initialDelaySeconds);
  checkNonNegative(faults, `${path}.timeoutSeconds`, probe.timeoutSeconds);
  checkNonNegative(faults, `${path}.periodSeconds`, probe.periodSeconds);
  checkNonNegative(faults, `${path}.successThreshold`, probe.successThreshold);
  checkNonNegative(faults, `${path}.failureThreshold`, probe.failureThreshold);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    faults.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  if (use.kind === 'readiness') {
    if (grace !== undefined)
      faults.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
  } else if (probe.successThreshold !== 1) {
    faults.push(invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
  }
}

export function checkLifecycle(
  faults: Faults,
  path: string,
  lifecycle: Readonly<Lifecycle> | undefined,
  gracePeriod: number | undefined,
): void {
  if (!lifecycle) return;
  for (const name of ['postStart', 'preStop'] as const) {
    const handler = lifecycle[name];
    if (!handler) continue;
    const { exec, httpGet, tcpSocket, sleep } = handler;
    checkHandler(faults, `${path}.${name}`, { exec, httpGet, tcpSocket, sleep }, gracePeriod);
  }
}

function checkHandler(faults: Faults, path: string, handler: Readonly<Handler>, gracePeriod: number | undefined): void {
  let found = false;
  const alone = (name: string): boolean => {
    if (found) faults.push(forbidden(`${path}.${name}`, 'may not specify more than 1 handler type'));
    const first = !found;
    found = true;
    return first;
  };
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  if (exec && alone('exec') && !exec.command?.length) faults.push(required(`${path}.exec.command`));
  if (httpGet && alone('httpGet')) checkHttpGet(faults, `${path}.httpGet`, httpGet);
  if (tcpSocket && alone('tcpSocket')) checkPort(faults, `${path}.tcpSocket.port`, tcpSocket.port);
  if (grpc && alone('grpc')) checkPort(faults, `${path}.grpc.port`, grpc.port);
  if (
    sleep &&
    alone('sleep') &&
    gracePeriod !== undefined &&
    ((sleep.seconds ?? 0) < 0 || (sleep.seconds ?? 0) > gracePeriod)
  ) {
    faults.push(
      invalid(
        `${path}.sleep`,
        sleep.seconds ?? 0,
        `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`,
      ),
    );
  }
  if (!found) faults.push(required(path, 'must specify a handler type'));
}

function checkHttpGet(faults: Faults, path: string, action: Readonly<HTTPGetAction>): void {
  if (!action.path) faults.push(required(`${path}.path`));
  checkPort(faults, `${path}.port`, action.port);
  if (action.scheme !== 'HTTP' && action.scheme !== 'HTTPS')
    faults.push(notSupported(`${path}.scheme`, action.scheme ?? '', ['HTTP', 'HTTPS']));
  for (const header of action.httpHeaders ?? [])
    check(faults, `${path}.httpHeaders`, header.name ?? '', isHttpHeaderName(header.name ?? ''));
}

/** A number or the name of a container's port. */
export function checkPort(faults: Faults, path: string, port: number | string | undefined): void {
  if (typeof port === 'string') check(faults, path, port, isPortName(port));
  else check(faults, path, port ?? 0, isPortNumber(port ?? 0));
}
