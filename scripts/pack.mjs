// `node scripts/pack.mjs [folder]`: makes what is published, dist/package: the command line and the CDK construct as plain
// JavaScript with types, and the functions' bundles. Node does not strip types under node_modules.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundleAll, bundled, entries } from './bundle.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Of the construct: the app that uses it brings them. */
const peers = ['aws-cdk-lib', 'constructs'];

export async function pack(outdir = join(root, 'dist', 'package')) {
  const missing = Object.keys(entries).filter((name) => !bundled().includes(name));
  if (missing.length > 0) throw new Error(`these functions have no handler yet: ${missing.join(', ')}`);
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });

  const work = join(outdir, '.work');
  await bundleAll(undefined, { outdir: work });
  for (const name of [...Object.keys(entries), 'hub'])
    cpSync(join(work, 'functions', name), join(outdir, 'functions', name), { recursive: true });
  rmSync(work, { recursive: true });

  const imported = new Set();
  const bundleCode = async (entryPoints, folder) => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints,
      outdir: join(outdir, folder),
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      // Everything of npm stays outside, to be updated without us; only what is ours is in it.
      plugins: [externalPackages(imported)],
      legalComments: 'none',
      metafile: true,
      logLevel: 'warning',
    });
    return metafile;
  };
  await bundleCode({ index: 'infra/index.ts', app: 'infra/app.ts' }, 'infra');
  await bundleCode({ main: 'cli/main.ts' }, 'cli');
  makeTypes(outdir);

  mkdirSync(join(outdir, 'bin'));
  writeFileSync(join(outdir, 'bin', 'nodeless.mjs'), "#!/usr/bin/env node\nawait import('../cli/main.mjs');\n");
  chmodSync(join(outdir, 'bin', 'nodeless.mjs'), 0o755);
  writeFileSync(join(outdir, 'package.json'), `${JSON.stringify(manifest(imported), null, 2)}\n`);
  cpSync(join(root, 'README.md'), join(outdir, 'README.md'));
  return outdir;
}

/** Marks every package of npm as external, and remembers which there were. */
function externalPackages(imported) {
  return {
    name: 'external-packages',
    setup(on) {
      on.onResolve({ filter: /^[^./]/ }, ({ path }) => {
        if (
          path.startsWith('node:') ||
          path.startsWith('@nodeless/') ||
          path === 'nodeless' ||
          path.startsWith('nodeless/')
        )
          return undefined;
        const name = path
          .split('/')
          .slice(0, path.startsWith('@') ? 2 : 1)
          .join('/');
        // One of Node's own modules, or of npm's.
        if (existsSync(join(root, 'node_modules', name, 'package.json'))) imported.add(name);
        return { path, external: true };
      });
    },
  };
}

function manifest(imported) {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { version } = JSON.parse(readFileSync(join(root, 'cli', 'package.json'), 'utf8'));
  const ranges = { ...own.devDependencies, ...own.dependencies };
  const range = (name) => {
    if (!ranges[name]) throw new Error(`${name} is imported, but not in package.json`);
    return ranges[name];
  };
  const pick = (names) =>
    Object.fromEntries([...names].toSorted((a, b) => (a < b ? -1 : 1)).map((name) => [name, range(name)]));
  return {
    name: 'nodeless',
    version,
    description: own.description,
    license: own.license,
    type: 'module',
    engines: { node: '>=24' },
    bin: { nodeless: 'bin/nodeless.mjs' },
    exports: { '.': { types: './infra/index.d.ts', default: './infra/index.mjs' }, './package.json': './package.json' },
    types: './infra/index.d.ts',
    files: ['bin', 'cli', 'functions', 'infra'],
    // The command line of the CDK is started, not imported.
    dependencies: pick(new Set([...imported].filter((name) => !peers.includes(name)).concat('aws-cdk'))),
    peerDependencies: pick(peers),
  };
}

/** Declarations of infra/, as the compiler makes them; their imports are those of JavaScript. */
function makeTypes(outdir) {
  const folder = join(outdir, 'infra');
  const result = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
      ...[
        '--ignoreConfig',
        'infra/index.ts',
        '--outDir',
        folder,
        '--rootDir',
        'infra',
        '--declaration',
        '--emitDeclarationOnly',
      ],
      ...[
        '--target',
        'es2024',
        '--module',
        'nodenext',
        '--types',
        'node',
        '--strict',
        '--skipLibCheck',
        '--allowImportingTsExtensions',
      ],
    ],
    { cwd: root, encoding: 'utf8' },
  );
  if (result.status !== 0) throw new Error(`the types cannot be made:\n${result.stdout}${result.stderr}`);
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts')) continue;
    const path = join(folder, file);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replaceAll(/((?:from |import\()['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'),
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = await pack(process.argv[2] && resolve(process.argv[2]));
  process.stdout.write(`${folder}\n`);
}
