import { request } from 'node:http';
import { Readable } from 'node:stream';

/**
 * A request to a Function URL. On an emulator it goes to the emulator's own address, with the URL's host as a header: its name
 * would lead to AWS.
 */
export async function requestFunctionUrl(
  { endpoint }: { readonly endpoint: string | undefined },
  url: URL,
  init: { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string },
): Promise<Response> {
  if (endpoint === undefined) return await fetch(url, init);
  const { hostname, port } = new URL(endpoint);
  return await new Promise((resolve, reject) => {
    const sent = request(
      {
        host: hostname,
        port,
        path: url.pathname + url.search,
        method: init.method ?? 'GET',
        // fetch would not let Host be set.
        headers: { ...init.headers, host: url.host },
      },
      (response) => {
        const headers = new Headers();
        for (const [name, values] of Object.entries(response.headersDistinct))
          for (const value of values ?? []) headers.append(name, value);
        const body = [101, 204, 205, 304].includes(response.statusCode!)
          ? null
          : (Readable.toWeb(response) as ReadableStream<Uint8Array>);
        resolve(new Response(body, { status: response.statusCode!, headers }));
      },
    );
    sent.once('error', reject);
    sent.end(init.body);
  });
}
