/**
 * What a task of a stock Node image runs before there is anything of ours in it: fetches one file from S3 with the task's own role,
 * checks that it is the one that was deployed, and runs it. Bundled into the task definition's command: small, node's own modules only.
 *
 *   NODELESS_CODE        `https://<bucket>.s3.<region>.amazonaws.com/<key>`
 *   NODELESS_CODE_HASH   SHA-256 of the file, hex
 */
import { createHash, createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

interface Credentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
}

const credentialsHost = 'http://169.254.170.2';
const timeoutMs = 20_000;
const tries = 6;
const file = '/tmp/nodeless-hub.mjs';

/** The headers of a GET that is signed with AWS Signature Version 4. `now`: milliseconds. */
export function signedHeaders(url: URL, region: string, keys: Credentials, now: number): Record<string, string> {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const empty = createHash('sha256').digest('hex');
  const headers: Record<string, string> = {
    host: url.host,
    'x-amz-content-sha256': empty,
    'x-amz-date': time,
    'x-amz-security-token': keys.Token,
  };
  const names = Object.keys(headers).join(';');
  const canonical = [
    'GET',
    url.pathname,
    '',
    ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
    '',
    names,
    empty,
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (last, part) => createHmac('sha256', last).update(part).digest(),
    `AWS4${keys.SecretAccessKey}`,
  );
  const signature = createHmac('sha256', key).update(text).digest('hex');
  const { host: _, ...sent } = headers;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${keys.AccessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

async function fetchCode(): Promise<Buffer> {
  const { NODELESS_CODE = '', AWS_REGION = '', AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = '' } = process.env;
  const url = new URL(NODELESS_CODE);
  const role = await fetch(credentialsHost + AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, {
    signal: AbortSignal.timeout(timeoutMs),
  });
  const keys = (await role.json()) as Credentials;
  const answer = await fetch(url, {
    headers: signedHeaders(url, AWS_REGION, keys, Date.now()),
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!answer.ok) throw new Error(`${url.href} answers ${answer.status} ${(await answer.text()).slice(0, 300)}`);
  return Buffer.from(await answer.arrayBuffer());
}

export async function load(): Promise<void> {
  for (let i = 1; ; i++) {
    try {
      const code = await fetchCode();
      const hash = createHash('sha256').update(code).digest('hex');
      if (hash !== process.env['NODELESS_CODE_HASH']) throw new Error(`the code has the hash ${hash}`);
      writeFileSync(file, code);
      break;
    } catch (error) {
      console.error(
        JSON.stringify({ level: 'error', message: 'the code cannot be had', attempt: i, error: String(error) }),
      );
      if (i === tries) process.exit(1);
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** i * (0.5 + Math.random())));
    }
  }
  await import(pathToFileURL(file).href);
}
