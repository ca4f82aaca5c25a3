// `npm run bundle [-- <function>…]`: makes the functions' code as it is deployed, in dist/functions/<name>/index.mjs. Functions
// whose handler does not exist are left out. The same sources make the same bytes.
import { build } from 'esbuild';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zip } from './zip.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where each function begins. */
export const entries = {
  apiserver: 'lambdas/apiserver/handler.ts',
  setup: 'lambdas/apiserver/setup-handler.ts',
  controllers: 'lambdas/controllers/handler.ts',
  scheduler: 'lambdas/scheduler/handler.ts',
  'virtual-kubelet': 'lambdas/virtual-kubelet/handler.ts',
  dispatcher: 'lambdas/events/dispatcher-handler.ts',
  later: 'lambdas/events/later-handler.ts',
  timer: 'lambdas/events/timer-handler.ts',
  drain: 'lambdas/events/drain-handler.ts',
};

/** Programs that lie beside a function's own code, in one file each: they are handed to somebody else. */
const beside = { 'virtual-kubelet': { agent: 'lambdas/virtual-kubelet/agent/main.ts' } };

/** The functions that can be bundled now. */
export const bundled = () => Object.keys(entries).filter((name) => existsSync(join(root, entries[name])));

/** JSON is parsed when the module is loaded: for large tables much faster than the same as a literal. */
const jsonByParse = {
  name: 'json-by-parse',
  setup(on) {
    on.onLoad({ filter: /\.json$/ }, ({ path }) => ({
      contents: `export default JSON.parse(${JSON.stringify(JSON.stringify(JSON.parse(readFileSync(path, 'utf8'))))});`,
      loader: 'js',
    }));
  },
};

/** For what is written for CommonJS inside of a bundle. */
const banner = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

/**
 * Builds one function into `<outdir>/functions/<name>/` (what is deployed), `<outdir>/functions/<name>.zip`,
 * `<outdir>/source-maps/<name>/` and `<outdir>/metafiles/<name>.json`. Parts that are imported lazily are files of their own.
 */
export async function bundleFunction(name, { outdir = join(root, 'dist') } = {}) {
  const entry = entries[name];
  const folder = join(outdir, 'functions', name);
  const shared = {
    absWorkingDir: root,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    keepNames: false,
    legalComments: 'none',
    sourcemap: 'external',
    sourcesContent: false,
    metafile: true,
    write: false,
    logLevel: 'warning',
    banner: { js: banner },
    plugins: [jsonByParse],
  };
  const result = await build({ ...shared, entryPoints: { index: entry }, splitting: true });
  const programs = Object.hasOwn(beside, name) ? [await build({ ...shared, entryPoints: beside[name] })] : [];
  rmSync(folder, { recursive: true, force: true });
  const files = [];
  for (const { path, contents } of [result, ...programs].flatMap(({ outputFiles }) => outputFiles)) {
    const file = relative(folder, path);
    if (file.endsWith('.map')) {
      write(join(outdir, 'source-maps', name, file), contents);
    } else {
      write(path, contents);
      files.push([file, contents]);
    }
  }
  const archive = zip(files);
  write(join(outdir, 'functions', `${name}.zip`), archive);
  write(join(outdir, 'metafiles', `${name}.json`), JSON.stringify(result.metafile));
  return { name, folder, zipBytes: archive.length, metafile: result.metafile };
}

/** The hub (local/hub.ts) in one file, and the loader that fetches it, as text for a command line. */
export async function bundleHub({ outdir = join(root, 'dist') } = {}) {
  const folder = join(outdir, 'functions', 'hub');
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node24',
    minify: true,
    legalComments: 'none',
    write: false,
    logLevel: 'warning',
  };
  const [hub, loader] = await Promise.all([
    build({
      ...common,
      entryPoints: ['local/hub.ts'],
      format: 'esm',
      mainFields: ['module', 'main'],
      banner: { js: banner },
      plugins: [jsonByParse],
      metafile: true,
    }),
    // `node -e` runs scripts, not modules.
    build({ ...common, entryPoints: ['local/hub/loader-main.ts'], format: 'cjs' }),
  ]);
  write(join(folder, 'hub.mjs'), hub.outputFiles[0].contents);
  write(join(folder, 'loader.js'), loader.outputFiles[0].contents);
  return { folder, bytes: hub.outputFiles[0].contents.length, metafile: hub.metafile };
}

function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** All functions, and the hub; or only the functions that are named. */
export async function bundleAll(names, options = {}) {
  const [made] = await Promise.all([
    Promise.all((names ?? bundled()).map((name) => bundleFunction(name, options))),
    names ? undefined : bundleHub(options),
  ]);
  return made;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !Object.hasOwn(entries, name));
  if (unknown.length > 0) {
    process.stderr.write(`no such function: ${unknown.join(', ')} (there are ${Object.keys(entries).join(', ')})\n`);
    process.exit(1);
  }
  for (const { name, zipBytes } of await bundleAll(asked.length > 0 ? asked : undefined))
    process.stdout.write(`${name.padEnd(16)} ${(zipBytes / 1024).toFixed(0).padStart(6)} KiB zipped\n`);
}
