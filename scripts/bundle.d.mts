import type { Metafile } from 'esbuild';

export declare const entries: Readonly<Record<string, string>>;
export declare function bundled(): string[];
export interface Bundled {
  readonly name: string;
  readonly folder: string;
  readonly zipBytes: number;
  readonly metafile: Metafile;
}
export declare function bundleFunction(name: string, options?: { readonly outdir?: string }): Promise<Bundled>;
export declare function bundleAll(
  names?: readonly string[],
  options?: { readonly outdir?: string },
): Promise<Bundled[]>;

export function bundleHub(options?: { readonly outdir?: string }): Promise<{
  readonly folder: string;
  readonly bytes: number;
  readonly metafile: Metafile;
}>;
