import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from '@nodeless/apimachinery/generated/types/networking/v1';
import { cidrContains, parseCidr } from '@nodeless/apimachinery/ip';
import { cidrWarnings } from '@nodeless/apimachinery/ip-validation';
import { isPortName, isPortNumber } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  check,
  checkLabelSelector,
  checkLegacyCidr,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../checks.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];
const types = ['Ingress', 'Egress'];

interface Rules {
  readonly allowInvalidValues: boolean;
  readonly stored: readonly string[];
}
type Spec = Readonly<Partial<NetworkPolicySpec>>;

export function validateNetworkPolicy(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkSpec(faults, (object as NetworkPolicy).spec ?? {}, { allowInvalidValues: false, stored: [] });
  return faults;
}

export function validateNetworkPolicyUpdate(
  object: Readonly<UnknownObject>,
  oldObject: Readonly<UnknownObject>,
): Faults {
  const old: Spec = (oldObject as NetworkPolicy).spec ?? {};
  const stored: Faults = [];
  checkLabelSelector(stored, '', old.podSelector);
  const faults: Faults = [];
  checkSpec(faults, (object as NetworkPolicy).spec ?? {}, {
    allowInvalidValues: stored.length > 0,
    stored: blocksOf(old).flatMap(({ block }) => [block.cidr, ...(block.except ?? [])]),
  });
  return faults;
}

function checkSpec(faults: Faults, spec: Spec, rules: Rules): void {
  checkLabelSelector(faults, 'spec.podSelector', spec.podSelector, { allowInvalidValues: rules.allowInvalidValues });
  spec.ingress?.forEach((rule, i) => {
    rule.ports?.forEach((port, j) => checkPort(faults, `spec.ingress[${i}].ports[${j}]`, port));
    rule.from?.forEach((peer, j) => checkPeer(faults, `spec.ingress[${i}].from[${j}]`, peer, rules));
  });
  spec.egress?.forEach((rule, i) => {
    rule.ports?.forEach((port, j) => checkPort(faults, `spec.egress[${i}].ports[${j}]`, port));
    rule.to?.forEach((peer, j) => checkPeer(faults, `spec.egress[${i}].to[${j}]`, peer, rules));
  });
  const given = spec.policyTypes ?? [];
  if (given.length > types.length)
    faults.push(invalid('spec.policyTypes', given, 'may not specify more than two policyTypes'));
  else {
    given.forEach((type, i) => {
      if (!types.includes(type)) faults.push(notSupported(`spec.policyTypes[${i}]`, type, types));
    });
  }
}

function checkPort(faults: Faults, path: string, { protocol, port, endPort }: Readonly<NetworkPolicyPort>): void {
  if (protocol !== undefined && !protocols.includes(protocol))
    faults.push(notSupported(`${path}.protocol`, protocol, protocols));
  if (port === undefined) {
    if (endPort !== undefined)
      faults.push(invalid(`${path}.endPort`, endPort, 'may not be specified when `port` is not specified'));
  } else if (typeof port === 'string') {
    if (endPort !== undefined)
      faults.push(invalid(`${path}.endPort`, endPort, 'may not be specified when `port` is non-numeric'));
    check(faults, `${path}.port`, port, isPortName(port));
  } else {
    check(faults, `${path}.port`, port, isPortNumber(port));
    if (endPort === undefined) return;
    // What is shown is the port and not the end.
    if (endPort < port) faults.push(invalid(`${path}.endPort`, port, 'must be greater than or equal to `port`'));
    check(faults, `${path}.endPort`, endPort, isPortNumber(endPort));
  }
}

function checkPeer(
  faults: Faults,
  path: string,
  { podSelector, namespaceSelector, ipBlock }: Readonly<NetworkPolicyPeer>,
  rules: Rules,
): void {
  const { allowInvalidValues } = rules;
  checkLabelSelector(faults, `${path}.podSelector`, podSelector, { allowInvalidValues });
  checkLabelSelector(faults, `${path}.namespaceSelector`, namespaceSelector, { allowInvalidValues });
  if (ipBlock) checkBlock(faults, `${path}.ipBlock`, ipBlock, rules.stored);
  if (!podSelector && !namespaceSelector && !ipBlock) faults.push(required(path, 'must specify a peer'));
  else if (ipBlock && (podSelector || namespaceSelector))
    faults.push(forbidden(path, 'may not specify both ipBlock and another peer'));
}

function checkBlock(
  faults: Faults,
  path: string,
  { cidr, except }: Readonly<IPBlock>,
  stored: readonly string[],
): void {
  if (!cidr) {
    faults.push(required(`${path}.cidr`));
    return;
  }
  checkLegacyCidr(faults, `${path}.cidr`, cidr, stored);
  const range = parseCidr(cidr);
  if (!range) return;
  except?.forEach((text, i) => {
    const at = `${path}.except[${i}]`;
    checkLegacyCidr(faults, at, text, stored);
    const hole = parseCidr(text);
    if (!hole) return;
    if (!cidrContains(range, hole.network) || range.prefixLength >= hole.prefixLength)
      faults.push(invalid(at, text, 'must be a strict subset of `cidr`'));
  });
}

function blocksOf(spec: Spec): { readonly path: string; readonly block: IPBlock }[] {
  const from = (spec.ingress ?? []).map((rule, i) => ({ path: `spec.ingress[${i}].from`, peers: rule.from ?? [] }));
  const to = (spec.egress ?? []).map((rule, i) => ({ path: `spec.egress[${i}].to`, peers: rule.to ?? [] }));
  return [...from, ...to].flatMap(({ path, peers }) =>
    peers.flatMap(({ ipBlock }, i) => (ipBlock ? [{ path: `${path}[${i}].ipBlock`, block: ipBlock }] : [])),
  );
}

export function networkPolicyWarnings(object: Readonly<UnknownObject>): string[] {
  return blocksOf((object as NetworkPolicy).spec ?? {}).flatMap(({ path, block }) => [
    ...cidrWarnings(`${path}.cidr`, block.cidr),
    ...(block.except ?? []).flatMap((text, i) => cidrWarnings(`${path}.except[${i}]`, text)),
  ]);
}
