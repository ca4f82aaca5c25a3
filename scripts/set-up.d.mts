/** The repository's folder. */
export const root: string;
/** Installs what is missing. */
export function setUp(scope: 'runtime' | 'all'): void;
/** What node is told when it runs nodeless, and its environment. */
export function nodeCommand(): { readonly flags: readonly string[]; readonly env: NodeJS.ProcessEnv };
/** The Node that runs nodeless. */
export function nodeBinary(): string;
