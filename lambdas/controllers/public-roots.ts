import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';

/**
 * Who signs the certificates of AWS's own endpoints, Function URLs and CloudFront among them: Amazon Trust Services, whose roots
 * are Amazon Root CA 1 to 4 and, for older clients, Starfield Services Root CA G2 (https://www.amazontrust.com/repository/).
 */
const issuers = /^CN=(?:Amazon Root CA [1-4]|Starfield Services Root Certificate Authority - G2)$/m;

/** Their certificates out of those that Node.js brings along, as PEM: what pods trust the API server by. */
export function amazonRoots(): string {
  const found = rootCertificates.filter((pem) => issuers.test(new X509Certificate(pem).subject));
  if (found.length === 0) throw new Error('this Node.js brings none of the roots of Amazon Trust Services');
  return `${found.join('\n')}\n`;
}
