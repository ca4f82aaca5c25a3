import {
  type ACMClient,
  type CertificateSummary,
  type KeyAlgorithm,
  paginateListCertificates,
} from '@aws-sdk/client-acm';
import type { Clock } from '@nodeless/component-base/clock';

/** Certificates of Certificate Manager by the names they are good for. */
export interface Certificates {
  /** ARN of an issued certificate for each host that has one; a wildcard covers one label. */
  find(hosts: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

const rememberedMs = 60_000;
const keyTypes: KeyAlgorithm[] = ['RSA_2048', 'RSA_3072', 'RSA_4096', 'EC_prime256v1', 'EC_secp384r1', 'EC_secp521r1'];

export function createCertificates(options: { readonly client: ACMClient; readonly clock: Clock }): Certificates {
  const { client, clock } = options;
  let known: { at: number; byName: ReadonlyMap<string, string> } | undefined;

  const read = async (): Promise<ReadonlyMap<string, string>> => {
    const found: CertificateSummary[] = [];
    for await (const { CertificateSummaryList = [] } of paginateListCertificates(
      { client },
      { CertificateStatuses: ['ISSUED'], Includes: { keyTypes } },
    ))
      found.push(...CertificateSummaryList);
    const byName = new Map<string, string>();
    // The one that is good for longest wins, and the ARN settles ties: every run chooses alike.
    const until = ({ NotAfter }: CertificateSummary): number => NotAfter?.getTime() ?? 0;
    const sorted = found.toSorted(
      (a, b) => until(b) - until(a) || ((a.CertificateArn ?? '') < (b.CertificateArn ?? '') ? -1 : 1),
    );
    for (const { CertificateArn, DomainName, SubjectAlternativeNameSummaries = [] } of sorted)
      for (const name of [DomainName ?? '', ...SubjectAlternativeNameSummaries])
        if (CertificateArn && !byName.has(name.toLowerCase())) byName.set(name.toLowerCase(), CertificateArn);
    return byName;
  };

  return {
    async find(hosts) {
      if (!known || clock.now() - known.at >= rememberedMs) known = { at: clock.now(), byName: await read() };
      const { byName } = known;
      return new Map(
        hosts.flatMap((host): [string, string][] => {
          const name = host.toLowerCase();
          const arn = byName.get(name) ?? byName.get(name.replace(/^[^.]+/, '*'));
          return arn ? [[host, arn]] : [];
        }),
      );
    },
  };
}
