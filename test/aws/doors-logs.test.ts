/** kubectl logs at the built bundle, which asks the kubelet behind its URL. Here that is a server of ours. */
import { kubeletAudience, kubeletTokenSubject } from '@nodeless/registry/subresources/kubelet-token';
import { createRemoteJWKSet, customFetch, decodeJwt, jwtVerify } from 'jose';
import { type Server, createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacking } from '../builders/kubectl.ts';
import { type FunctionCluster, startFunctionCluster, whyNoFunctionCluster } from './function-cluster.ts';

const why = whyNoFunctionCluster() ?? lacking('kubectl');

describe.skipIf(why !== undefined)(`logs at the function${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  let kubelet: Server;
  let followers = 0;
  const asked: { url: string; token: string }[] = [];
  beforeAll(async () => {
    cluster = await startFunctionCluster({ timeoutSeconds: 25 });
    kubelet = createServer((incoming, outgoing) => {
      const url = incoming.url ?? '';
      asked.push({ url, token: (incoming.headers.authorization ?? '').slice('Bearer '.length) });
      outgoing.writeHead(200, { 'content-type': 'text/plain' });
      outgoing.write('one\n');
      if (!url.includes('follow=true')) return outgoing.end('two\n');
      const timer = setInterval(() => outgoing.write('more\n'), 200);
      followers++;
      outgoing.once('close', () => {
        followers--;
        clearInterval(timer);
      });
    });
    await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
    cluster.parameters.values.set(`/nodeless/${cluster.clusterId}/kubelet-endpoint`, {
      value: `http://127.0.0.1:${(kubelet.address() as AddressInfo).port}`,
      type: 'String',
    });
    await cluster.host.recycle();
    await cluster.kubectl.ok('create serviceaccount default');
    await cluster.kubectl.apply(
      'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {nodeName: fargate-x, containers: [{name: main, image: nginx}]}',
    );
  }, 60_000);
  afterAll(async () => {
    kubelet?.closeAllConnections();
    kubelet?.close();
    await cluster?.stop();
  });

  it('come from the kubelet, which is shown a token of its own', async () => {
    expect(await cluster.kubectl.ok('logs web --tail=5')).toBe('one\ntwo\n');
    const { url, token } = asked.at(-1) as { url: string; token: string };
    expect(url).toMatch(/^\/nodes\/fargate-x\/containerLogs\/default\/web\/main\?.*tailLines=5/);
    const keys = createRemoteJWKSet(new URL(`${cluster.host.url}/openid/v1/jwks`), {
      [customFetch]: (keysUrl: string) =>
        new Promise<Response>((resolve, reject) => {
          request(keysUrl, { ca: cluster.host.ca }, (answer) => {
            const chunks: Buffer[] = [];
            answer.on('data', (chunk: Buffer) => chunks.push(chunk));
            answer.on('end', () => resolve(new Response(Buffer.concat(chunks))));
          })
            .on('error', reject)
            .end();
        }),
    });
    const { payload } = await jwtVerify(token, keys, { issuer: cluster.host.url, audience: kubeletAudience });
    expect(payload.sub).toBe(kubeletTokenSubject);
  });
  it('refuse that token at the API itself', async () => {
    const { token } = asked.at(-1) as { token: string };
    expect(decodeJwt(token).aud).toBe(kubeletAudience);
    expect(await cluster.kubectl.fails(['--token', token, 'get', 'pods'])).toContain('must be logged in');
  });
  it('are followed until the function must end, and the kubelet is let go', async () => {
    const { file, args, env } = cluster.kubectl.command('logs web -f');
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
    // 25 s of the function, less 15.
    expect(code).toBe(0);
    expect(asked.at(-1)?.url).toContain('follow=true');
    expect(output).toMatch(/^one\n(?:more\n){10,}$/);
    await expect.poll(() => followers, { timeout: 5_000 }).toBe(0);
  }, 40_000);
});
