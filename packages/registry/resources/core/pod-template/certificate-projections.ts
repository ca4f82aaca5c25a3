/** Projections of features that are off in v1.36: only objects that have them already can keep them. */
import type {
  ClusterTrustBundleProjection,
  PodCertificateProjection,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { checkLabelSelector, checkOneOf, type Faults, invalid, required } from '../../checks.ts';
import { checkSignerName } from '../../signer-name.ts';
import { checkLocalNonReservedPath } from './paths.ts';

export function checkClusterTrustBundle(
  faults: Faults,
  path: string,
  bundle: Readonly<ClusterTrustBundleProjection>,
): void {
  if (bundle.name !== undefined && bundle.signerName !== undefined) {
    faults.push(invalid(path, bundle, 'only one of name and signerName may be used'));
  } else if (bundle.name !== undefined) {
    if (bundle.name === '') faults.push(required(`${path}.name`, 'must be a valid object name'));
    if (bundle.labelSelector)
      faults.push(
        invalid(`${path}.labelSelector`, bundle.labelSelector, 'labelSelector must be unset if name is specified'),
      );
  } else if (bundle.signerName !== undefined) {
    if (bundle.signerName === '') faults.push(required(`${path}.signerName`, 'must be a valid signer name'));
    checkSignerName(faults, `${path}.signerName`, bundle.signerName);
    checkLabelSelector(faults, `${path}.labelSelector`, bundle.labelSelector);
  } else {
    faults.push(required(path, 'either name or signerName must be specified'));
  }
  if (!bundle.path) faults.push(required(`${path}.path`));
  checkLocalNonReservedPath(faults, `${path}.path`, bundle.path ?? '');
}

const keyTypes = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];

export function checkPodCertificate(
  faults: Faults,
  path: string,
  certificate: Readonly<PodCertificateProjection>,
  take: (file: string) => void,
): void {
  checkSignerName(faults, `${path}.signerName`, certificate.signerName ?? '');
  checkOneOf(faults, `${path}.keyType`, certificate.keyType, keyTypes);
  const seconds = certificate.maxExpirationSeconds;
  if (seconds !== undefined) {
    const max = certificate.signerName?.startsWith('kubernetes.io/') ? 86400 : 7862400;
    if (seconds < 3600)
      faults.push(
        invalid(`${path}.maxExpirationSeconds`, seconds, 'if provided, maxExpirationSeconds must be >= 3600'),
      );
    if (seconds > max)
      faults.push(
        invalid(`${path}.maxExpirationSeconds`, seconds, `if provided, maxExpirationSeconds must be <= ${max}`),
      );
  }
  let files = 0;
  for (const field of ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const) {
    const file = certificate[field];
    if (!file) continue;
    files++;
    checkLocalNonReservedPath(faults, `${path}.${field}`, file);
    take(file);
  }
  if (files === 0)
    faults.push(required(path, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'));
}
