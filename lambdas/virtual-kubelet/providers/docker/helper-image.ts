import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { ProviderError } from '../provider.ts';
import { callEngine, type Engine, isMissing } from './engine.ts';
import { nodeTool, shellTool, toolPath } from './helper-tool.ts';
import { packTar, type TarEntry } from './tar.ts';

/** What the image of helpers and sandboxes is made from. */
type Source =
  | { readonly kind: 'busybox'; readonly path: string }
  | { readonly kind: 'node'; readonly path: string }
  | { readonly kind: 'pull'; readonly image: string };

const published = 'busybox:1.37';
const ourArchitecture: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/**
 * The image of node helpers and sandboxes, by name. It is built on the engine from what this machine has, so that no
 * registry is needed on Linux: busybox, with its libraries if it is not static, or else the Linux Node binary of this installation; nft comes along
 * where it is found. Elsewhere (macOS) busybox is pulled once. `image` overrides all of it: it must have a shell, nc and
 * the usual small programs.
 */
export async function ensureHelperImage(
  engine: Engine,
  options: { readonly image?: string | undefined } = {},
): Promise<string> {
  const info = (await callEngine(() => engine.info())) as { Architecture?: string };
  const native = process.platform === 'linux' && info.Architecture === ourArchitecture[process.arch];
  const source = options.image ? ({ kind: 'pull', image: options.image } as const) : findSource(native);
  const tool = source.kind === 'node' ? nodeTool : shellTool;
  const binaries = native && source.kind !== 'pull' ? [source.path, ...optionalTools()] : [];
  const name = `nodeless-helper:${fingerprint(source, binaries, tool)}`;
  if (await hasImage(engine, name)) return name;
  if (source.kind === 'pull' && !(await hasImage(engine, source.image))) await pull(engine, source.image);
  await build(engine, name, source, binaries, tool);
  return name;
}

function findSource(native: boolean): Source {
  if (native) {
    const found = ['/bin/busybox', '/usr/bin/busybox', '/sbin/busybox.static', '/bin/busybox.static'].filter((path) =>
      existsSync(path),
    );
    // A static one first: it is smaller than one with its libraries.
    const busybox = found.find((path) => libraries(path).length === 0) ?? found[0];
    if (busybox) return { kind: 'busybox', path: realpathSync(busybox) };
    const node = linuxNode();
    if (node) return { kind: 'node', path: node };
  }
  return { kind: 'pull', image: published };
}

function linuxNode(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`)), 'bin/node');
  } catch {
    return existsSync(process.execPath) ? process.execPath : undefined;
  }
}

/** Programs that other parts make use of inside the helper when this machine has them. */
function optionalTools(): string[] {
  return ['/usr/sbin/nft', '/sbin/nft']
    .filter((path) => existsSync(path))
    .slice(0, 1)
    .map((path) => realpathSync(path));
}

/** The shared libraries of a program, by absolute path; [] for a static one. */
function libraries(path: string): string[] {
  try {
    const text = execFileSync('ldd', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...text.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((m) => m[1] as string);
  } catch {
    // ldd fails on a static program.
    return [];
  }
}

function fingerprint(source: Source, binaries: readonly string[], tool: string): string {
  const hash = createHash('sha256')
    .update(tool)
    .update(source.kind === 'pull' ? source.image : source.kind);
  for (const path of binaries) hash.update(`${path} ${statSync(path).size} ${statSync(path).mtimeMs}\n`);
  return hash.digest('hex').slice(0, 12);
}

async function hasImage(engine: Engine, name: string): Promise<boolean> {
  try {
    await engine.getImage(name).inspect();
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw await callEngine(() => Promise.reject(error as Error));
  }
}

async function pull(engine: Engine, image: string): Promise<void> {
  const message = `the image ${image} for the node helper can be neither built from this machine nor pulled`;
  try {
    const stream = await engine.pull(image);
    await new Promise<void>((resolve, reject) =>
      engine.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
    );
  } catch (error) {
    throw new ProviderError('unavailable', `${message}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function build(
  engine: Engine,
  name: string,
  source: Source,
  binaries: readonly string[],
  tool: string,
): Promise<void> {
  const base = source.kind === 'pull' ? source.image : 'scratch';
  const install = source.kind === 'busybox' ? 'RUN ["/bin/busybox", "--install", "-s", "/bin"]\n' : '';
  const dockerfile = `FROM ${base}\nCOPY root/ /\n${install}LABEL nodeless.dev/helper-image=1\nENTRYPOINT ["${toolPath}"]\nCMD ["pause"]\n`;
  const entries: TarEntry[] = [
    { type: 'file', path: 'Dockerfile', content: Buffer.from(dockerfile), mode: 0o644 },
    { type: 'file', path: `root${toolPath}`, content: Buffer.from(tool), mode: 0o755 },
    { type: 'directory', path: 'root/tmp', mode: 0o1777 },
    { type: 'directory', path: 'root/var/lib/kubelet', mode: 0o755 },
  ];
  const files = new Set<string>();
  for (const path of binaries) {
    const target =
      source.kind !== 'pull' && path === source.path
        ? source.kind === 'busybox'
          ? '/bin/busybox'
          : '/bin/node'
        : `/usr/sbin/${path.split('/').pop()}`;
    entries.push({ type: 'file', path: `root${target}`, content: readFileSync(path), mode: 0o755 });
    for (const library of libraries(path)) files.add(library);
  }
  for (const path of files)
    entries.push({ type: 'file', path: `root${path}`, content: readFileSync(path), mode: 0o755 });
  await callEngine(async () => {
    const stream = await engine.buildImage(Readable.from([packTar(entries)]), { t: name, forcerm: true });
    await new Promise<void>((resolve, reject) => {
      engine.modem.followProgress(stream, (error, output) => {
        const failed = (output as { error?: string }[] | undefined)?.find((line) => line.error);
        if (error ?? failed) reject(error ?? new Error(failed?.error));
        else resolve();
      });
    });
  });
}
