import type { UserInfo } from '@nodeless/registry/strategy';
import type { ClientCertificate } from '../exchange.ts';
import { withAuthenticatedGroup } from './authenticator.ts';

const users = new WeakMap<ClientCertificate, UserInfo>();

/** The subject's common name is the user, its organizations are the groups. Throws for a certificate that is not good. */
export function certificateUser(certificate: ClientCertificate): UserInfo | undefined {
  if (!certificate.trusted) throw new Error('x509: certificate signed by unknown authority');
  if (certificate.commonName === '') return undefined;
  let user = users.get(certificate);
  if (!user) {
    user = withAuthenticatedGroup({
      name: certificate.commonName,
      groups: certificate.organizations,
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${certificate.fingerprint}`] },
    });
    users.set(certificate, user);
  }
  return user;
}
