/** The engine for tests of the Docker provider, a small image on it, and clusters that clean up after themselves. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger, silentLogger } from '@nodeless/component-base/logger';
import {
  createDockerProvider,
  type DockerProvider,
  type DockerProviderOptions,
} from '@nodeless/virtual-kubelet/providers/docker/docker-provider';
import { type Engine, engineProblem, findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { packTar } from '@nodeless/virtual-kubelet/providers/docker/tar';
import { removeCluster } from '@nodeless/virtual-kubelet/providers/docker/teardown';

export const image = 'nodeless-test-busybox:1';
const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));

/** Why these tests cannot run here; undefined = they can. */
export async function dockerProblem(): Promise<string | undefined> {
  const problem = await engineProblem(findEngine(), 2_000);
  if (problem) return problem;
  return busybox ? undefined : 'no busybox to build a test image from';
}

/** Built from nothing, so that no registry is needed. */
export async function ensureTestImage(engine: Engine): Promise<void> {
  const found = await engine
    .getImage(image)
    .inspect()
    .catch(() => undefined);
  if (found) return;
  const dockerfile =
    'FROM scratch\nCOPY busybox /bin/busybox\nCOPY etc/ /etc/\nCOPY tmp/ /tmp/\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\nENV PATH=/bin IMAGE=test\nCMD ["sh"]\n';
  const context = packTar([
    { type: 'file', path: 'Dockerfile', content: Buffer.from(dockerfile), mode: 0o644 },
    { type: 'file', path: 'busybox', content: readFileSync(busybox as string), mode: 0o755 },
    {
      type: 'file',
      path: 'etc/passwd',
      content: Buffer.from('root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n'),
      mode: 0o644,
    },
    { type: 'directory', path: 'tmp', mode: 0o1777 },
  ]);
  const stream = await engine.buildImage(Readable.from([context]), { t: image });
  await new Promise<void>((resolve, reject) =>
    engine.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
  );
}

export interface TestCluster {
  readonly cluster: string;
  readonly engine: Engine;
  readonly provider: DockerProvider;
  /** Another provider over the same cluster, as a new process would make it. */
  again(): DockerProvider;
  dispose(): Promise<void>;
}

export async function createTestCluster(options: Partial<DockerProviderOptions> = {}): Promise<TestCluster> {
  const { engine } = findEngine();
  await ensureTestImage(engine);
  const cluster = `test-${randomBytes(4).toString('hex')}`;
  const log = process.env['DOCKER_TEST_LOG'] ? createLogger({ level: 'debug' }) : silentLogger;
  const open: DockerProvider[] = [];
  const again = (): DockerProvider => {
    const provider = createDockerProvider({ engine, cluster, clock: systemClock, log, ...options });
    open.push(provider);
    return provider;
  };
  return {
    cluster,
    engine,
    provider: again(),
    again,
    async dispose() {
      await Promise.all(open.map((p) => p.close()));
      await removeCluster(findEngine().engine, cluster);
    },
  };
}
