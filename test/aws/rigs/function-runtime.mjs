// What runs in an execution environment: a Lambda runtime of our own over the real Runtime API, with the `awslambda` global of
// AWS's Node runtime. It is plain JavaScript because it is started alone, by test/aws/rigs/function-environment.ts.
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const api = process.env.AWS_LAMBDA_RUNTIME_API;
const [file, exported] = (process.env._HANDLER ?? 'index.handler').split('.');
const agent = new Agent({ keepAlive: true });
const base = '/2018-06-01/runtime';
const streaming = Symbol('streaming');

globalThis.awslambda = {
  streamifyResponse(handler) {
    handler[streaming] = true;
    return handler;
  },
  HttpResponseStream: {
    // As AWS's runtime does it: the head leaves with the first write, and not at all where nothing is written.
    from(stream, head) {
      stream.setContentType('application/vnd.awslambda.http-integration-response');
      stream.beforeFirstWrite = (write) => {
        write(JSON.stringify(head));
        write(Buffer.alloc(8));
      };
      return stream;
    },
  },
};

function call(method, path, headers = {}, body = undefined) {
  return new Promise((resolve, reject) => {
    const sent = request({
      agent,
      method,
      path: base + path,
      headers,
      host: api.split(':')[0],
      port: api.split(':')[1],
    });
    sent.on('error', reject).on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
      response.on('end', () => resolve({ response, text: Buffer.concat(chunks).toString() }));
    });
    sent.end(body);
  });
}

/** The response as a request that is sent while it is made. */
function responseStream(id) {
  const stream = request({
    agent,
    method: 'POST',
    path: `${base}/invocation/${id}/response`,
    host: api.split(':')[0],
    port: api.split(':')[1],
    headers: { 'lambda-runtime-function-response-mode': 'streaming', 'transfer-encoding': 'chunked' },
  });
  stream.setNoDelay(true);
  const write = stream.write.bind(stream);
  let first = true;
  stream.setContentType = (type) => stream.setHeader('content-type', type);
  stream.write = (chunk, ...more) => {
    if (first) {
      first = false;
      stream.beforeFirstWrite?.(write);
    }
    return write(chunk, ...more);
  };
  stream.taken = new Promise((resolve, reject) => {
    stream.on('error', reject).on('response', (response) => response.resume().on('end', resolve));
  });
  return stream;
}

const errorText = (error) =>
  JSON.stringify({
    errorType: error?.name ?? 'Error',
    errorMessage: String(error?.message ?? error),
    trace: String(error?.stack).split('\n'),
  });

const started = performance.now();
let handler;
try {
  handler = (await import(pathToFileURL(join(process.env.LAMBDA_TASK_ROOT, `${file}.mjs`)).href))[exported];
} catch (error) {
  await call('POST', '/init/error', {}, errorText(error));
  process.exit(1);
}
const initMs = performance.now() - started;

for (;;) {
  const { response, text } = await call('GET', '/invocation/next', {
    'x-rig-init-ms': String(initMs),
    'x-rig-memory': String(process.memoryUsage().rss),
  });
  const id = response.headers['lambda-runtime-aws-request-id'];
  const deadline = Number(response.headers['lambda-runtime-deadline-ms']);
  const context = {
    awsRequestId: id,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: '$LATEST',
    invokedFunctionArn: response.headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    callbackWaitsForEmptyEventLoop: true,
  };
  try {
    const event = JSON.parse(text);
    if (handler[streaming]) {
      const stream = responseStream(id);
      await handler(event, stream, context);
      if (!stream.writableEnded) stream.end();
      await stream.taken;
    } else {
      const result = await handler(event, context);
      await call('POST', `/invocation/${id}/response`, {}, JSON.stringify(result ?? null));
    }
  } catch (error) {
    await call('POST', `/invocation/${id}/error`, {}, errorText(error)).catch(() => {});
  }
}
