import {
  AddListenerCertificatesCommand,
  CreateListenerCommand,
  CreateRuleCommand,
  DeleteListenerCommand,
  DeleteRuleCommand,
  type ElasticLoadBalancingV2Client,
  type Listener,
  ModifyListenerCommand,
  ModifyRuleCommand,
  type ProtocolEnum,
  RemoveListenerCertificatesCommand,
  type Rule,
  SetRulePrioritiesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { isError } from './aws-problems.ts';
import type { DesiredListener } from './desired-stack.ts';
import { actionInput, actionText, conditionsInput, conditionsText, ruleConditionsText } from './listener-actions.ts';
import type { Reads } from './reads.ts';

export interface Listeners {
  /** Every wanted listener as it should be, with its certificates and rules. What is surplus is left for `removeSurplus`. */
  ensure(options: EnsureListeners): Promise<void>;
  removeSurplus(loadBalancerArn: string, wanted: readonly DesiredListener[]): Promise<void>;
}

export interface EnsureListeners {
  readonly loadBalancerArn: string;
  readonly listeners: readonly DesiredListener[];
  readonly tags: Readonly<Record<string, string>>;
  /** ARN of a target group by its name. */
  readonly arnOf: (group: string) => string;
}

const secure = new Set(['TLS', 'HTTPS']);
/** Protocols that a listener can change between while it stays. */
const family = (protocol: string | undefined): string =>
  protocol === 'TLS' ? 'TCP' : protocol === 'HTTPS' ? 'HTTP' : (protocol ?? '');
/** '' = none, however it is said. */
const alpnOf = ({ AlpnPolicy: [policy = ''] = [] }: Listener): string => (policy === 'None' ? '' : policy);
/** Rules that are to go wait out of the way, where no wanted one will be. */
const outOfTheWay = 40_000;

export function createListeners(options: {
  readonly client: ElasticLoadBalancingV2Client;
  readonly reads: Reads;
}): Listeners {
  const { client, reads } = options;

  const input = (listener: DesiredListener, arnOf: (group: string) => string) => ({
    Port: listener.port,
    Protocol: listener.protocol as ProtocolEnum,
    DefaultActions: [actionInput(listener.action, arnOf)],
    ...(secure.has(listener.protocol)
      ? { Certificates: [{ CertificateArn: listener.certificates[0] }], SslPolicy: listener.sslPolicy }
      : {}),
    ...(listener.alpnPolicy === '' ? {} : { AlpnPolicy: [listener.alpnPolicy] }),
  });
  const same = (listener: DesiredListener, found: Listener, arnOf: (group: string) => string): boolean =>
    listener.protocol === found.Protocol &&
    alpnOf(found) === listener.alpnPolicy &&
    (!secure.has(listener.protocol) ||
      (listener.sslPolicy === found.SslPolicy &&
        listener.certificates[0] === found.Certificates?.[0]?.CertificateArn)) &&
    actionText([actionInput(listener.action, arnOf)]) === actionText(found.DefaultActions ?? []);

  const create = async (
    listener: DesiredListener,
    { loadBalancerArn, tags, arnOf }: EnsureListeners,
  ): Promise<string> => {
    const { Listeners: made = [] } = await client.send(
      new CreateListenerCommand({
        LoadBalancerArn: loadBalancerArn,
        ...input(listener, arnOf),
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    return made[0]?.ListenerArn ?? '';
  };
  const ensureOne = async (
    listener: DesiredListener,
    found: Listener | undefined,
    context: EnsureListeners,
  ): Promise<string | undefined> => {
    // Nothing to encrypt with: what is there stays as it is, what is not there cannot be made.
    const uncertified = secure.has(listener.protocol) && listener.certificates.length === 0;
    if (uncertified && family(found?.Protocol) !== family(listener.protocol)) return undefined;
    if (!found) return create(listener, context);
    if (uncertified) return found.ListenerArn;
    const ListenerArn = found.ListenerArn ?? '';
    if (family(found.Protocol) !== family(listener.protocol)) {
      // Two listeners cannot have one port: here the old one has to go first.
      await client.send(new DeleteListenerCommand({ ListenerArn }));
      return create(listener, context);
    }
    if (!same(listener, found, context.arnOf))
      await client.send(
        new ModifyListenerCommand({
          ListenerArn,
          ...input(listener, context.arnOf),
          ...(listener.protocol === 'TLS' && listener.alpnPolicy === '' && alpnOf(found) !== ''
            ? { AlpnPolicy: ['None'] }
            : {}),
        }),
      );
    return ListenerArn;
  };
  const ensureCertificates = async (listener: DesiredListener, ListenerArn: string): Promise<void> => {
    if (!secure.has(listener.protocol) || listener.certificates.length === 0) return;
    const present = await reads.moreCertificates(ListenerArn);
    const wanted = listener.certificates.slice(1);
    for (const CertificateArn of wanted)
      if (!present.includes(CertificateArn))
        await client.send(new AddListenerCertificatesCommand({ ListenerArn, Certificates: [{ CertificateArn }] }));
    for (const CertificateArn of present)
      if (!wanted.includes(CertificateArn) && CertificateArn !== listener.certificates[0])
        await client.send(new RemoveListenerCertificatesCommand({ ListenerArn, Certificates: [{ CertificateArn }] }));
  };
  const ensureRules = async (
    listener: DesiredListener,
    ListenerArn: string,
    { arnOf, tags }: EnsureListeners,
  ): Promise<void> => {
    const present = await reads.rules(ListenerArn);
    const unused = new Set(present);
    const plan = listener.rules.map((rule, i) => {
      const found = [...unused].find((one) => ruleConditionsText(one) === conditionsText(rule.hosts, rule.paths));
      if (found) unused.delete(found);
      return { rule, found, priority: i + 1 };
    });
    for (const { rule, found } of plan)
      if (found && actionText(found.Actions ?? []) !== actionText([actionInput(rule.action, arnOf)]))
        await client.send(
          new ModifyRuleCommand({ RuleArn: found.RuleArn, Actions: [actionInput(rule.action, arnOf)] }),
        );
    const taken = new Set(plan.map(({ priority }) => priority));
    const moves = [
      ...plan
        .filter(({ found, priority }) => found && Number(found.Priority) !== priority)
        .map(({ found, priority }) => ({ RuleArn: found?.RuleArn, Priority: priority })),
      ...[...unused]
        .filter((one) => taken.has(Number(one.Priority)))
        .map((one, i) => ({ RuleArn: one.RuleArn, Priority: freePriority(present, i) })),
    ];
    if (moves.length > 0) await client.send(new SetRulePrioritiesCommand({ RulePriorities: moves }));
    for (const { rule, found, priority } of plan)
      if (!found)
        await client.send(
          new CreateRuleCommand({
            ListenerArn,
            Priority: priority,
            Conditions: conditionsInput(rule),
            Actions: [actionInput(rule.action, arnOf)],
            Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
          }),
        );
    for (const { RuleArn } of unused)
      await client.send(new DeleteRuleCommand({ RuleArn })).catch((error: unknown) => {
        if (!isError(error, 'RuleNotFound')) throw error;
      });
  };

  return {
    async ensure(context) {
      const found = await reads.listeners(context.loadBalancerArn);
      for (const listener of context.listeners) {
        const arn = await ensureOne(
          listener,
          found.find((one) => one.Port === listener.port),
          context,
        );
        if (arn === undefined) continue;
        await ensureCertificates(listener, arn);
        if (listener.protocol.startsWith('HTTP')) await ensureRules(listener, arn, context);
      }
    },
    async removeSurplus(loadBalancerArn, wanted) {
      for (const { ListenerArn, Port } of await reads.listeners(loadBalancerArn)) {
        if (wanted.some(({ port }) => port === Port)) continue;
        await client.send(new DeleteListenerCommand({ ListenerArn })).catch((error: unknown) => {
          if (!isError(error, 'ListenerNotFound')) throw error;
        });
      }
    },
  };
}

function freePriority(present: readonly Rule[], index: number): number {
  const used = new Set(present.map(({ Priority }) => Number(Priority)));
  let priority = outOfTheWay;
  for (let left = index; ; priority++) {
    if (used.has(priority)) continue;
    if (left-- === 0) return priority;
  }
}
