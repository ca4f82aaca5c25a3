import { X509Certificate } from 'node:crypto';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '@nodeless/apimachinery/generated/types/certificates/v1';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { checkOneOf, duplicate, type Faults, forbidden, invalid, notSupported, required } from '../checks.ts';
import { pemBlocks } from '../pem.ts';
import { checkSignerName } from '../signer-name.ts';
import { signingRequestFault } from './signing-request.ts';

type Request = Readonly<CertificateSigningRequest>;

const usages: readonly string[] = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];
const legacySigner = 'kubernetes.io/legacy-unknown';
const shortest = 600;
const verdicts = ['Approved', 'Denied'];
const onlyTrue = [...verdicts, 'Failed'];

const conditionsOf = (request: Request | undefined): readonly CertificateSigningRequestCondition[] =>
  request?.status?.conditions ?? [];
const textOf = (base64: string | null | undefined): string => Buffer.from(base64 ?? '', 'base64').toString('latin1');

/** What an old object already has wrong stays allowed. */
export function validateRequest(request: Request, old?: Request): Faults {
  const faults: Faults = [];
  const { spec } = request;
  const fault = signingRequestFault(textOf(spec.request));
  if (fault !== undefined) faults.push(invalid('spec.request', spec.request ?? null, fault));
  checkUsages(faults, spec.usages ?? [], old?.spec.usages ?? []);
  if (spec.signerName === legacySigner && old?.spec.signerName !== legacySigner) {
    faults.push(
      invalid('spec.signerName', spec.signerName, 'the legacy signerName is not allowed via this API version'),
    );
  } else {
    checkSignerName(faults, 'spec.signerName', spec.signerName ?? '');
  }
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < shortest) {
    faults.push(
      invalid(
        'spec.expirationSeconds',
        spec.expirationSeconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    );
  }
  checkConditions(faults, request, old);
  checkCertificate(faults, request, old);
  return faults;
}

function checkUsages(faults: Faults, given: readonly string[], stored: readonly string[]): void {
  if (given.length === 0) faults.push(required('spec.usages'));
  if (stored.every((usage) => usages.includes(usage)))
    given.forEach((usage, i) => checkOneOf(faults, `spec.usages[${i}]`, usage, usages));
  if (new Set(stored).size < stored.length) return;
  given.forEach((usage, i) => {
    if (given.indexOf(usage) < i) faults.push(duplicate(`spec.usages[${i}]`, usage));
  });
}

function checkConditions(faults: Faults, request: Request, old: Request | undefined): void {
  const path = 'status.conditions';
  const stored = conditionsOf(old).map((condition) => condition.type);
  const mayHaveBoth = verdicts.every((type) => stored.includes(type));
  const mayRepeat = new Set(stored).size < stored.length;
  const seen = new Set<string>();
  conditionsOf(request).forEach((condition, i) => {
    const { type = '', status = '' } = condition;
    if (type === '' && !stored.includes('')) faults.push(required(`${path}[${i}].type`));
    const allowed = onlyTrue.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (status === '') faults.push(required(`${path}[${i}].status`));
    else if (!allowed.includes(status)) faults.push(notSupported(`${path}[${i}].status`, status, allowed));
    const other = verdicts.find((verdict) => verdict !== type) ?? '';
    if (!mayHaveBoth && verdicts.includes(type) && seen.has(other)) {
      faults.push(invalid(path, type, 'Approved and Denied conditions are mutually exclusive'));
    }
    if (seen.has(type) && !mayRepeat) faults.push(duplicate(`${path}[${i}].type`, type));
    seen.add(type);
  });
}

function checkCertificate(faults: Faults, request: Request, old: Request | undefined): void {
  const certificate = request.status?.certificate ?? '';
  const stored = old?.status?.certificate ?? '';
  if (old && (certificate === stored || certificateFault(stored) !== undefined)) return;
  const fault = certificateFault(certificate);
  if (fault !== undefined) faults.push(invalid('status.certificate', '<certificate data>', fault));
}

function certificateFault(base64: string): string | undefined {
  if (base64 === '') return undefined;
  const blocks = pemBlocks(textOf(base64));
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${quoteGo(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    if (bytes.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
    try {
      new X509Certificate(bytes);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined;
}

/** `door`: which one may change what of the status. */
export function validateRequestUpdate(request: Request, old: Request, door: '' | 'status' | 'approval'): Faults {
  const faults = validateRequest(request, old);
  const path = 'status.conditions';
  const ofType = (from: Request, type: string): CertificateSigningRequestCondition[] =>
    conditionsOf(from).filter((c) => c.type === type);
  for (const type of onlyTrue) {
    if (ofType(request, type).length < ofType(old, type).length) {
      faults.push(forbidden(path, `updates may not remove a condition of type ${quoteGo(type)}`));
    }
  }
  // Those that are as many as before are the stored ones: the door saw to that.
  for (const type of door === 'approval' ? [] : verdicts) {
    if (ofType(request, type).length > ofType(old, type).length) {
      faults.push(forbidden(path, `updates may not add a condition of type ${quoteGo(type)}`));
    }
  }
  const certificate = old.status?.certificate ?? '';
  if ((request.status?.certificate ?? '') !== certificate) {
    if (door !== 'status') faults.push(forbidden('status.certificate', 'updates may not set certificate content'));
    else if (certificate !== '')
      faults.push(forbidden('status.certificate', 'updates may not modify existing certificate content'));
  }
  return faults;
}
