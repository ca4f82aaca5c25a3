/** `files`: pairs of name and content. */
export function zip(files: readonly (readonly [name: string, content: Uint8Array])[]): Buffer;
