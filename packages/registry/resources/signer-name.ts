import { isDns1123Label, isDns1123Subdomain } from '@nodeless/apimachinery/names';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { type Faults, invalid, required, tooLong } from './checks.ts';

/** `example.com/signer-name` */
export function checkSignerName(faults: Faults, path: string, name: string): void {
  if (name === '') {
    faults.push(required(path));
    return;
  }
  const segments = name.split('/');
  if (segments.length !== 2) {
    faults.push(invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"));
    return;
  }
  const [domain, signer] = segments as [string, string];
  if (domain.length > 253) faults.push(tooLong(path, 253));
  const labels = domain.split('.');
  const badLabel = labels.find((label) => isDns1123Label(label).length > 0);
  if (badLabel !== undefined) {
    for (const complaint of isDns1123Label(badLabel))
      faults.push(invalid(path, domain, `validating label ${quoteGo(badLabel)}: ${complaint}`));
  }
  if (labels.length < 2)
    faults.push(invalid(path, domain, 'should be a domain with at least two segments separated by dots'));
  const badPart = signer.split('.').find((part) => isDns1123Subdomain(part).length > 0);
  if (badPart !== undefined) {
    for (const complaint of isDns1123Subdomain(badPart))
      faults.push(invalid(path, signer, `validating label ${quoteGo(badPart)}: ${complaint}`));
  }
  if (name.length > 571) faults.push(tooLong(path, 571));
}
