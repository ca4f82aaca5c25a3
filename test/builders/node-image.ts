/** An image like a stock Node image (node, sh, test), with programs of a test's own, made from what this machine has. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { Engine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { packTar, type TarEntry } from '@nodeless/virtual-kubelet/providers/docker/tar';

export const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
const applets = ['sh', 'test', 'cat', 'ls', 'sleep', 'stat', 'readlink', 'id', 'kill'];

/** `programs`: content by absolute path. Needs busybox on this machine. */
export async function ensureNodeImage(
  engine: Engine,
  name: string,
  programs: Readonly<Record<string, string>>,
): Promise<string> {
  const node = realpathSync(process.execPath);
  const content = JSON.stringify([programs, applets, node, statSync(node).size]);
  const tag = `${name}:${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
  const found = await engine
    .getImage(tag)
    .inspect()
    .catch(() => undefined);
  if (found) return tag;
  const libraries = [...execFileSync('ldd', [node], { encoding: 'utf8' }).matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(
    (match) => match[1] as string,
  );
  const file = (path: string, bytes: Uint8Array): TarEntry => ({
    type: 'file',
    path: `root${path}`,
    content: bytes,
    mode: 0o755,
  });
  const dockerfile = [
    'FROM scratch',
    'COPY root/ /',
    `RUN ["/bin/busybox", "sh", "-c", "for a in ${applets.join(' ')}; do /bin/busybox ln -s busybox /bin/$a; done; /bin/busybox mkdir -m 1777 /tmp"]`,
    'ENV PATH=/bin',
    'CMD ["node"]',
    '',
  ].join('\n');
  const entries: TarEntry[] = [
    { type: 'file', path: 'Dockerfile', content: Buffer.from(dockerfile), mode: 0o644 },
    file('/bin/node', readFileSync(node)),
    file('/bin/busybox', readFileSync(busybox as string)),
    ...libraries.map((path) => file(path, readFileSync(path))),
    ...Object.entries(programs).map(([path, text]) => file(path, Buffer.from(text))),
  ];
  const stream = await engine.buildImage(Readable.from([packTar(entries)]), { t: tag, forcerm: true });
  await new Promise<void>((resolve, reject) =>
    engine.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
  );
  return tag;
}
