import type { CertificateSigningRequest } from '@nodeless/apimachinery/generated/types/certificates/v1';
import { humanDuration } from '@nodeless/apimachinery/duration';
import type { Row } from '../table-of.ts';

export function requestCells({ spec, status }: Readonly<CertificateSigningRequest>, { name, age }: Row): unknown[] {
  const lifetime = spec?.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000);
  return [name, age, spec?.signerName || '<none>', spec?.username ?? '', lifetime, conditionOf(status)];
}

function conditionOf(status: CertificateSigningRequest['status']): string {
  const has = (type: string): boolean => status?.conditions?.some((condition) => condition.type === type) === true;
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return decision + (has('Failed') ? ',Failed' : '') + (status?.certificate ? ',Issued' : '');
}
