/** Makes what is published. Answers its folder. Throws when a function cannot be bundled or the types cannot be made. */
export function pack(outdir?: string): Promise<string>;
