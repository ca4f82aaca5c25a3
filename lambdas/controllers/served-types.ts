/** `derive` of what `source` gives, made again only when that is another array: followers compare by identity. */
export function remembered<T extends object, R>(source: () => T, derive: (of: T) => R): () => R {
  let last: { readonly of: T; readonly made: R } | undefined;
  return () => {
    const of = source();
    if (last?.of !== of) last = { of, made: derive(of) };
    return last.made;
  };
}
