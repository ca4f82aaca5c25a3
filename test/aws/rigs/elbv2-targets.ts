/** The life of targets: registration takes a while, health is told by really connecting, those that leave drain first. */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '@nodeless/component-base/clock';
import { type State, type Target, type TargetGroup, usersOf } from './elbv2-state.ts';

export type Dial = (address: string, port: number) => Socket;

export interface TargetsOptions {
  readonly clock: Clock;
  readonly state: State;
  readonly dial: Dial;
  /** From registration to the first check. */
  readonly registrationMs: number;
  /** How long new connections still go to a target that has been deregistered. */
  readonly deregistrationLagMs: number;
}

export interface Targets {
  register(group: TargetGroup, id: string, port: number): void;
  deregister(group: TargetGroup, id: string, port: number): void;
  /** Where a new connection may go now: the healthy ones; every one where none is healthy (fail open). */
  eligible(group: TargetGroup): Target[];
  health(group: TargetGroup, target: Target): { State: string; Reason?: string; Description?: string };
  forget(group: TargetGroup): void;
  /** Resolves when no check is under way. */
  settled(): Promise<void>;
}

export function createTargets({ clock, state, dial, registrationMs, deregistrationLagMs }: TargetsOptions): Targets {
  const open = new Set<Promise<void>>();
  const inUse = (group: TargetGroup): boolean => usersOf(state, group.arn).some((lb) => lb.state === 'active');

  const judge = (group: TargetGroup, target: Target, passed: boolean): void => {
    if (target.state === 'draining') return;
    target.streak = target.passed === passed ? target.streak + 1 : 1;
    target.passed = passed;
    const { HealthyThresholdCount, UnhealthyThresholdCount } = group.check;
    if (passed && target.state !== 'healthy' && target.streak >= HealthyThresholdCount) target.state = 'healthy';
    // The first failure counts in full for a target that has never been healthy.
    if (!passed && target.streak >= (target.state === 'initial' ? 1 : UnhealthyThresholdCount))
      target.state = 'unhealthy';
  };
  const check = (group: TargetGroup, target: Target): void => {
    const timer = clock.setTimer(() => check(group, target), group.check.HealthCheckIntervalSeconds * 1000);
    target.stop = () => timer.cancel();
    if (!inUse(group)) return;
    const work = probe(group, target, dial).then((passed) => judge(group, target, passed));
    open.add(work);
    void work.finally(() => open.delete(work));
  };

  return {
    register(group, id, port) {
      const key = `${id}:${port}`;
      const known = group.targets.get(key);
      if (known && known.state !== 'draining') return;
      known?.stop();
      const target: Target = {
        id,
        port,
        registeredAt: clock.now(),
        state: 'initial',
        drainingSince: 0,
        streak: 0,
        passed: undefined,
        stop: () => {},
      };
      group.targets.set(key, target);
      const timer = clock.setTimer(() => check(group, target), registrationMs);
      target.stop = () => timer.cancel();
    },
    deregister(group, id, port) {
      const key = `${id}:${port}`;
      const target = group.targets.get(key);
      if (!target || target.state === 'draining') return;
      target.stop();
      if (usersOf(state, group.arn).length === 0) {
        group.targets.delete(key);
        return;
      }
      target.state = 'draining';
      target.drainingSince = clock.now();
      const delay = Number(group.attributes.get('deregistration_delay.timeout_seconds') ?? 300) * 1000;
      const timer = clock.setTimer(() => {
        if (group.targets.get(key) === target) group.targets.delete(key);
      }, delay);
      target.stop = () => timer.cancel();
    },
    eligible(group) {
      const all = [...group.targets.values()];
      const still = (t: Target): boolean =>
        t.state === 'draining' && clock.now() - t.drainingSince < deregistrationLagMs;
      const healthy = all.filter((t) => t.state === 'healthy' || (still(t) && t.passed === true));
      if (healthy.length > 0) return healthy;
      return all.filter((t) => t.state !== 'draining' && clock.now() - t.registeredAt >= registrationMs);
    },
    health(group, target) {
      if (target.state === 'draining')
        return {
          State: 'draining',
          Reason: 'Target.DeregistrationInProgress',
          Description: 'Target deregistration is in progress',
        };
      if (usersOf(state, group.arn).length === 0)
        return {
          State: 'unused',
          Reason: 'Target.NotInUse',
          Description: 'Target group is not configured to receive traffic from the load balancer',
        };
      if (target.state === 'initial')
        return target.passed === undefined
          ? {
              State: 'initial',
              Reason: 'Elb.RegistrationInProgress',
              Description: 'Target registration is in progress',
            }
          : {
              State: 'initial',
              Reason: 'Elb.InitialHealthChecking',
              Description: 'Initial health checks in progress',
            };
      if (target.state === 'unhealthy')
        return { State: 'unhealthy', Reason: 'Target.FailedHealthChecks', Description: 'Health checks failed' };
      return { State: 'healthy' };
    },
    forget(group) {
      for (const target of group.targets.values()) target.stop();
      group.targets.clear();
    },
    async settled() {
      while (open.size > 0) await Promise.all(open);
    },
  };
}

/** One real check. Never rejects. */
function probe({ check }: TargetGroup, target: Target, dial: Dial): Promise<boolean> {
  const port = check.HealthCheckPort === 'traffic-port' ? target.port : Number(check.HealthCheckPort);
  const socket = dial(target.id, port);
  return new Promise((resolve) => {
    // Real time: the far side is a real socket. Nothing here waits for it to pass.
    socket.setTimeout(2000, () => socket.destroy(new Error('timeout')));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    if (!check.HealthCheckProtocol.startsWith('HTTP')) {
      socket.on('connect', () => {
        resolve(true);
        socket.destroy();
      });
      return;
    }
    const asked = request({
      createConnection: () => socket,
      path: check.HealthCheckPath ?? '/',
      headers: { host: `${target.id}:${port}`, 'user-agent': 'ELB-HealthChecker/2.0', connection: 'close' },
    });
    asked.on('error', () => resolve(false));
    asked.on('response', (response) => {
      response.resume();
      resolve(matches(response.statusCode ?? 0, check.Matcher?.HttpCode ?? '200'));
      socket.destroy();
    });
    asked.end();
  });
}

export function matches(status: number, codes: string): boolean {
  return codes.split(',').some((part) => {
    const [from, to = from] = part.trim().split('-').map(Number);
    return status >= (from as number) && status <= (to as number);
  });
}
