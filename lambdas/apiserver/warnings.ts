/** Values of the Warning header: `299 - "text"`, each text once, all of them within a few kilobytes. */
const maxTotal = 4 * 1024;
const maxItem = 256;
const controls = /\p{Cc}/u;

export class Warnings {
  readonly #texts = new Set<string>();
  add(text: string): void {
    if (text !== '') this.#texts.add(text);
  }
  get isEmpty(): boolean {
    return this.#texts.size === 0;
  }
  /** Header values in the order of the texts; beyond the limit every text is cut short. */
  headerValues(): string[] {
    const texts = [...this.#texts].filter((text) => !controls.test(text));
    const total = texts.reduce((sum, text) => sum + runeCount(text), 0);
    if (total <= maxTotal) return texts.map(headerValue);
    const values: string[] = [];
    let written = 0;
    for (const text of texts) {
      if (written >= maxTotal) break;
      const cut = Array.from(text).slice(0, maxItem).join('');
      written += runeCount(cut);
      values.push(headerValue(cut));
    }
    return values;
  }
}

const runeCount = (text: string): number => (text.length < maxTotal ? Array.from(text).length : text.length);

function headerValue(text: string): string {
  // Header fields are bytes: what is beyond ASCII goes out as UTF-8.
  return `299 - "${Buffer.from(text.replace(/["\\]/g, '\\$&'), 'utf8').toString('latin1')}"`;
}
