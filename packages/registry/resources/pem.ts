/** What PEM armour holds, as Go's encoding/pem reads it: what is not a whole block is skipped. */
export interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly bytes: Buffer;
  /** The block as it was written. */
  readonly text: string;
}

const armour = /(?<=^|\n)-----BEGIN ([^-\n]*)-----[ \t]*\r?\n([\s\S]*?)(?<=\n)-----END \1-----[ \t]*(?=\r?\n|$)/g;
const header = /^[^\n:]*:[^\n]*\n/;

export function pemBlocks(pem: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  for (const [text, type = '', inside = ''] of pem.matchAll(armour)) {
    let body = inside;
    while (header.test(body)) body = body.replace(header, '');
    const base64 = body.replace(/\s+/g, '');
    if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) {
      blocks.push({ type, hasHeaders: body !== inside, bytes: Buffer.from(base64, 'base64'), text });
    }
  }
  return blocks;
}
