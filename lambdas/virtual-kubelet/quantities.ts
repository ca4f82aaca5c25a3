const binary: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 };
const decimal: Readonly<Record<string, number>> = { n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };
const pattern = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i)|([numkMGTPE]?))$/;

/** A quantity as a number; what is not one counts as 0 (the API server has validated it). */
export function quantityValue(quantity: string | number | undefined): number {
  if (quantity === undefined) return 0;
  const match = pattern.exec(String(quantity));
  if (!match) return 0;
  const [, digits, exponent, power, suffix] = match;
  if (exponent !== undefined) return Number(`${digits}${exponent}`);
  return Number(digits) * (power === undefined ? (decimal[suffix ?? ''] ?? 1) : (binary[power] ?? 1));
}

/** Whole units, rounded up as Quantity.Value() is: bytes of memory, counts. */
export function wholeValue(quantity: string | number | undefined): number {
  return Math.ceil(quantityValue(quantity));
}

/** Thousandths, rounded up as Quantity.MilliValue() is: CPU. */
export function milliValue(quantity: string | number | undefined): number {
  // Multiplying first keeps 0.1 × 1000 exact enough; the epsilon takes away what binary fractions add.
  return Math.ceil(quantityValue(quantity) * 1000 - 1e-9);
}
