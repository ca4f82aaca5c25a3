// Reads AWS's own service models from an installation of botocore and cuts them down to the operations that are used.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { root } from './set-up.mjs';

export const modelsFolder = join(root, 'test', 'fixtures', 'aws-models');

/** The newest found of: NODELESS_PYTHON, the test tools' own Python, the machine's. Undefined without botocore. */
export function findBotocore(env = process.env) {
  const tools = env.NODELESS_TOOLS ?? join(env.HOME ?? homedir(), '.cache', 'nodeless-tools');
  const pythons = [env.NODELESS_PYTHON, join(tools, 'aws-emulator', 'bin', 'python'), 'python3'];
  const program = 'import botocore, os; print(botocore.__version__); print(os.path.dirname(botocore.__file__))';
  for (const python of pythons) {
    if (!python) continue;
    const { status, stdout } = spawnSync(python, ['-c', program], { encoding: 'utf8' });
    if (status !== 0) continue;
    const [version, folder] = stdout.trim().split('\n');
    return { version, data: join(folder, 'data') };
  }
  return undefined;
}

/** Service → operations, of operations.txt. */
export function wantedOperations() {
  const wanted = new Map();
  for (const line of readFileSync(join(modelsFolder, 'operations.txt'), 'utf8').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [service, operation, ...rest] = line.trim().split(/\s+/);
    if (!operation || rest.length > 0) throw new Error(`operations.txt: not "service Operation": ${line}`);
    wanted.set(service, [...(wanted.get(service) ?? []), operation].sort(ascending));
  }
  return wanted;
}

/** File name → text, of everything that belongs into the folder. */
export function trimmedModels({ version, data }) {
  const files = new Map();
  for (const [service, operations] of [...wantedOperations()].sort(([a], [b]) => ascending(a, b))) {
    const folder = join(data, service);
    if (!existsSync(folder)) throw new Error(`botocore ${version} has no service ${service}`);
    const apiVersion = readdirSync(folder).sort().at(-1);
    const read = (name) => readModel(join(folder, apiVersion, name));
    const model = read('service-2.json');
    const pages = read('paginators-1.json')?.pagination ?? {};
    files.set(`${service}.json`, trim(service, model, pages, operations));
  }
  files.set('botocore-version.txt', `${version}\n`);
  return files;
}

const ascending = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function readModel(path) {
  if (existsSync(`${path}.gz`)) return JSON.parse(gunzipSync(readFileSync(`${path}.gz`)).toString('utf8'));
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

function trim(service, model, pages, names) {
  const shapes = new Map();
  const keep = (name) => {
    if (shapes.has(name)) return;
    const shape = model.shapes[name];
    shapes.set(name, trimmedShape(shape));
    for (const { shape: next } of [
      ...Object.values(shape.members ?? {}),
      ...[shape.member, shape.key, shape.value].filter(Boolean),
    ])
      keep(next);
  };
  const operations = names.map((name) => {
    const operation = model.operations[name];
    if (!operation) throw new Error(`${service} has no operation ${name}`);
    for (const end of [operation.input, operation.output]) if (end) keep(end.shape);
    const errors = (operation.errors ?? []).map(({ shape }) => {
      const { error } = model.shapes[shape];
      return { name: shape, code: error?.code ?? shape, status: error?.httpStatusCode };
    });
    const page = pages[name];
    const pagination = page && {
      input: [page.input_token].flat(),
      output: [page.output_token].flat(),
      more: page.more_results,
      limit: page.limit_key,
      results: [page.result_key].flat(),
    };
    const { input, output } = operation;
    return [name, { input: input?.shape, output: output?.shape, errors, pagination }];
  });
  const { serviceId, apiVersion, protocol } = model.metadata;
  // One line a shape: what changes between two models can be read.
  const lines = (entries) =>
    entries.map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(',\n');
  const head = Object.entries({ service, serviceId, apiVersion, protocol }).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`,
  );
  const sorted = [...shapes].sort(([a], [b]) => ascending(a, b));
  return `{\n${head.join('')}  "operations": {\n${lines(operations)}\n  },\n  "shapes": {\n${lines(sorted)}\n  }\n}\n`;
}

function trimmedShape(shape) {
  const { type, enum: values, pattern, min, max, required, union, document, streaming, error } = shape;
  const member = ({ shape: name, location, idempotencyToken, streaming: stream }) => ({
    shape: name,
    location,
    idempotencyToken,
    streaming: stream,
  });
  const members =
    shape.members && Object.fromEntries(Object.entries(shape.members).map(([name, value]) => [name, member(value)]));
  return {
    type,
    required: required?.length ? required : undefined,
    union,
    document,
    streaming,
    error: error?.code,
    enum: values,
    pattern,
    min,
    max,
    members,
    member: shape.member?.shape,
    key: shape.key?.shape,
    value: shape.value?.shape,
  };
}
