import { request } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly location: string | undefined;
}

/** One request on a connection of its own. */
export function ask(port: number, path: string, host = 'example.com'): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { host, connection: 'close' }, agent: false });
    asked.on('error', reject);
    asked.setTimeout(3000, () => asked.destroy(new Error('no answer')));
    asked.on('response', (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, location: response.headers.location }),
      );
    });
    asked.end();
  });
}
