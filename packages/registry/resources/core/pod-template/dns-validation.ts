import type { HostAlias, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { isDns1123SubdomainWithUnderscore } from '@nodeless/apimachinery/names';
import { check, checkDnsSubdomain, checkLegacyIp, type Faults, invalid, required } from '../../checks.ts';

export function checkDnsConfig(faults: Faults, path: string, spec: Readonly<PodSpec>): void {
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === 'None') {
    if (!config) {
      faults.push(required(path, 'must provide `dnsConfig` when `dnsPolicy` is None'));
      return;
    }
    if (!config.nameservers?.length) {
      faults.push(required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
      return;
    }
  }
  if (!config) return;
  const servers = config.nameservers ?? [];
  if (servers.length > 3) faults.push(invalid(`${path}.nameservers`, servers, 'must not have more than 3 nameservers'));
  servers.forEach((server, i) => checkLegacyIp(faults, `${path}.nameservers[${i}]`, server));
  const searches = config.searches ?? [];
  if (searches.length > 32)
    faults.push(invalid(`${path}.searches`, searches, 'must not have more than 32 search paths'));
  if (Buffer.byteLength(searches.join(' ')) > 2048) {
    faults.push(
      invalid(
        `${path}.searches`,
        searches,
        'must not have more than 2048 characters (including spaces) in the search list',
      ),
    );
  }
  searches.forEach((search, i) => {
    if (search === '.') return;
    const domain = search.endsWith('.') ? search.slice(0, -1) : search;
    check(faults, `${path}.searches[${i}]`, domain, isDns1123SubdomainWithUnderscore(domain));
  });
  config.options?.forEach((option, i) => {
    if (!option.name) faults.push(required(`${path}.options[${i}]`, 'must not be empty'));
  });
}

export function checkHostAliases(faults: Faults, path: string, aliases: readonly HostAlias[]): void {
  aliases.forEach((alias, i) => {
    checkLegacyIp(faults, `${path}[${i}].ip`, alias.ip ?? '');
    alias.hostnames?.forEach((name, j) => checkDnsSubdomain(faults, `${path}[${i}].hostnames[${j}]`, name));
  });
}
