/** An image with Node and one program that says who answers, made from this machine's own Node: there is no registry to ask. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { Engine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { packTar, type TarEntry } from '@nodeless/virtual-kubelet/providers/docker/tar';

export const echoPorts = { tcp: 8080, udp: 5353 };

/** Answers on both ports with `<pod name> <address of the client>`. */
const program = `
const { createServer } = require('node:net');
const name = process.env.POD_NAME;
process.on('SIGTERM', () => process.exit(0));
createServer((socket) => {
  socket.on('error', () => {});
  socket.end(name + ' ' + socket.remoteAddress.replace('::ffff:', '') + '\\n');
}).listen(${echoPorts.tcp});
const udp = require('node:dgram').createSocket('udp4');
udp.on('message', (_message, client) => udp.send(name + ' ' + client.address, client.port, client.address));
udp.bind(${echoPorts.udp});
`;

/** The same binary under /bin/node; `say` is how tests ask from inside a pod. */
export async function ensureEchoImage(engine: Engine): Promise<string> {
  const node = realpathSync(process.execPath);
  const name = `nodeless-test-echo:${createHash('sha256')
    .update(`${program}${node}${statSync(node).size}`)
    .digest('hex')
    .slice(0, 12)}`;
  try {
    await engine.getImage(name).inspect();
    return name;
  } catch {
    // Not there yet.
  }
  const libraries = [...execFileSync('ldd', [node], { encoding: 'utf8' }).matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(
    (match) => match[1] as string,
  );
  const file = (path: string, from: string): TarEntry => ({
    type: 'file',
    path: `root${path}`,
    content: readFileSync(from),
    mode: 0o755,
  });
  const entries: TarEntry[] = [
    {
      type: 'file',
      path: 'Dockerfile',
      content: Buffer.from('FROM scratch\nCOPY root/ /\nENV PATH=/bin\nCMD ["/bin/node", "/echo.cjs"]\n'),
      mode: 0o644,
    },
    { type: 'file', path: 'root/echo.cjs', content: Buffer.from(program), mode: 0o644 },
    file('/bin/node', node),
    ...libraries.map((path) => file(path, path)),
  ];
  const stream = await engine.buildImage(Readable.from([packTar(entries)]), { t: name, forcerm: true });
  await new Promise<void>((resolve, reject) =>
    engine.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
  );
  return name;
}
