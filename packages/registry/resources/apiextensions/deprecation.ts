import type { CustomResourceDefinitionVersion } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { isPrintable } from '@nodeless/apimachinery/quote-go';

const longest = 256;

export function deprecationFaults({
  deprecated,
  deprecationWarning: text,
}: Readonly<CustomResourceDefinitionVersion>): string[] {
  if (text === undefined) return [];
  if (!deprecated) return ['can only be set for deprecated versions'];
  const faults: string[] = [];
  if (Buffer.byteLength(text) > longest) faults.push('must be <= 256 characters long');
  if (text === '') faults.push('must not be an empty string');
  let at = 0;
  for (const character of text) {
    if (!isPrintable(character)) {
      faults.push(`must only contain printable UTF-8 characters; non-printable character found at index ${at}`);
      break;
    }
    at += Buffer.byteLength(character);
  }
  return faults;
}
