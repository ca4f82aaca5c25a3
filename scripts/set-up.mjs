// Runs on the host's own Node (20 or newer), before anything is installed: no dependencies, plain JavaScript.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const minimumNode = 24;
const cache = join(root, 'node_modules', '.cache', 'nodeless');

/**
 * Installs what is missing: `runtime` is what a cluster needs, `all` adds what tests and the AWS half need. Only ever adds
 * to node_modules, so that a cluster or a test run that is using it is not disturbed; two at once wait for each other.
 */
export function setUp(scope) {
  if (isComplete(scope)) return;
  if (missing(scope).length === 0) return rememberComplete(scope);
  withLock(() => {
    const lacking = missing(scope);
    if (lacking.length === 0) return;
    process.stderr.write(`Installing ${lacking.length === 1 ? lacking[0] : `${lacking.length} packages`} (once) …\n`);
    // Leaving development packages out would remove those that are already there.
    const omit = scope === 'runtime' && !has('vitest') ? ['--omit=dev'] : [];
    const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
    const args = [
      ...npm.slice(1),
      'install',
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--loglevel=error',
      ...omit,
    ];
    const result = spawnSync(npm[0], args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    if (result.status !== 0)
      fail(
        `npm install failed${result.error ? `: ${result.error.message}` : ''}; run it by hand in ${root} to see more`,
      );
    const still = missing(scope);
    if (still.length > 0) fail(`npm install left these out: ${still.join(', ')}`);
    warmUp();
  });
  rememberComplete(scope);
}

/**
 * How nodeless itself is run: what node is told, and its environment. Modules are compiled, and their types stripped, once and
 * not at every start, which halves its time. Memory goes back to the system after a busy time (local/idle-memory.ts).
 */
export function nodeCommand() {
  return {
    flags: ['--disable-warning=ExperimentalWarning', '--expose-gc', '--max-semi-space-size=16'],
    env: {
      NODE_COMPILE_CACHE: join(cache, 'compiled'),
      MALLOC_ARENA_MAX: '1',
      MALLOC_TRIM_THRESHOLD_: String(1024 * 1024),
      ...process.env,
    },
  };
}

/** Fills the cache of compiled modules, so that already the first start is a quick one. */
function warmUp() {
  const { flags, env } = nodeCommand();
  spawnSync(nodeBinary(), [...flags, join(root, 'scripts', 'warm-up.mjs')], { cwd: root, env, stdio: 'ignore' });
}

/** The Node that runs nodeless: the host's when it is new enough, else the one that npm installed. */
export function nodeBinary() {
  if (Number(process.versions.node.split('.')[0]) >= minimumNode) return process.execPath;
  const binary = join(root, 'node_modules', platformPackage(), 'bin', 'node');
  if (!existsSync(binary))
    fail(`nodeless needs Node ${minimumNode}; this is ${process.version} and ${platformPackage()} is not installed`);
  return binary;
}

function platformPackage() {
  return `node-${process.platform}-${process.arch}`;
}

function has(name) {
  return existsSync(join(root, 'node_modules', name, 'package.json'));
}

function missing(scope) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const wanted = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/')) continue;
    if (entry.link) {
      if (!existsSync(join(root, path, 'package.json'))) wanted.push(path.slice('node_modules/'.length));
      continue;
    }
    if (entry.dev && scope === 'runtime') continue;
    if (entry.optional || entry.devOptional || entry.peer) continue;
    if (!existsSync(join(root, path, 'package.json')) || versionOf(path) !== entry.version)
      wanted.push(path.slice('node_modules/'.length));
  }
  if (Number(process.versions.node.split('.')[0]) < minimumNode && !has(platformPackage()))
    wanted.push(platformPackage());
  return wanted;
}

/** Looking at every package takes longer than starting; whether anything changed since all were there does not. */
function isComplete(scope) {
  try {
    return readFileSync(join(cache, `complete-${scope}`), 'utf8') === fingerprint();
  } catch {
    return false;
  }
}

function rememberComplete(scope) {
  try {
    mkdirSync(cache, { recursive: true });
    writeFileSync(join(cache, `complete-${scope}`), fingerprint());
  } catch {
    // A folder that cannot be written is looked through each time.
  }
}

/** Changes with the lock file, with every package that comes or goes, and with every installation. */
function fingerprint() {
  const packages = join(root, 'node_modules');
  const changed = (path) => {
    const { mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? {};
    return `${path.slice(root.length)} ${mtimeMs} ${size}`;
  };
  const scopes = readdirSync(packages).filter((name) => name.startsWith('@'));
  return [
    process.version,
    ...[
      join(root, 'package-lock.json'),
      packages,
      join(packages, '.package-lock.json'),
      ...scopes.map((name) => join(packages, name)),
    ].map(changed),
  ].join('\n');
}

function versionOf(path) {
  return JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')).version;
}

function withLock(run) {
  const lock = join(root, '.nodeless-install-lock');
  for (let waited = 0; ; waited += 200) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (!alive(lock)) {
        rmSync(lock, { recursive: true, force: true });
        continue;
      }
      if (waited === 0) process.stderr.write('Another installation is running; waiting for it …\n');
      if (waited > 600_000) fail(`waited ten minutes for ${lock}; remove it if no installation is running`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  writeFileSync(join(lock, 'pid'), String(process.pid));
  try {
    run();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function alive(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return true;
  } catch (error) {
    // Between mkdir and the pid's write there is no file yet: that is alive, too.
    return error.code === 'ENOENT' ? existsSync(lock) : error.code === 'EPERM';
  }
}

export function fail(message) {
  process.stderr.write(`nodeless: ${message}\n`);
  process.exit(1);
}
