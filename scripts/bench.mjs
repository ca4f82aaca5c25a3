// `npm run bench [-- NAME [options]]`: runs one of bench/*.ts under the Node of nodeless. Without a name: the same load as any
// Kubernetes API server could be given, against a cluster of its own with simulated nodes, and what starting it costs.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { nodeBinary, nodeCommand, root, setUp } from './set-up.mjs';

setUp('all');
const { flags, env } = nodeCommand();
const folder = join(root, 'bench');
const run = (name, args) =>
  spawnSync(nodeBinary(), [...flags, join(folder, `${name}.ts`), ...args], { cwd: root, env, stdio: 'inherit' })
    .status ?? 1;

const [name, ...rest] = process.argv.slice(2);
if (name === undefined || name.startsWith('-')) process.exitCode = await againstOwnCluster(process.argv.slice(2));
else if (existsSync(join(folder, `${basename(name)}.ts`))) process.exitCode = run(basename(name), rest);
else {
  const known = readdirSync(folder).filter((file) => file.endsWith('.ts') && file !== 'connection.ts');
  process.stderr.write(
    `there is no benchmark "${name}"; there are ${known.map((file) => file.slice(0, -3)).join(', ')}\n`,
  );
  process.exitCode = 2;
}

async function againstOwnCluster(args) {
  const dataDir = mkdtempSync(join(tmpdir(), 'nodeless-bench-'));
  const up = ['up', '--provider', 'simulated', '--nodes', '20', '--port', '0', '--data-dir', dataDir];
  const cluster = spawn(nodeBinary(), [...flags, join(root, 'cli', 'main.ts'), ...up], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => cluster.on('exit', resolve));
  try {
    const url = await new Promise((resolve, reject) => {
      let printed = '';
      cluster.stdout.on('data', (chunk) => {
        printed += chunk;
        const found = /ready at (https:\/\/\S+:\d+)\./.exec(printed);
        if (found) resolve(found[1]);
      });
      cluster.on('error', reject);
      void ended.then((code) => reject(new Error(`the cluster ended with ${code}`)));
    });
    const status = run('api', ['--url', url, '--token-file', join(dataDir, 'pki', 'token'), ...args]);
    if (status !== 0) return status;
  } finally {
    cluster.kill('SIGTERM');
    await ended.catch(() => {});
    rmSync(dataDir, { recursive: true, force: true });
  }
  return run('start-up', []);
}
