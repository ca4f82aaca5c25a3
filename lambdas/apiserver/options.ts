/** Options as query parameters and bodies carry them, read the way Go reads them. */
import { DecodeError, decodeObject } from '@nodeless/apimachinery/decode/decode';
import { JsonSyntaxError } from '@nodeless/apimachinery/json';
import { ApiError, badRequest } from '@nodeless/apimachinery/status';
import { typeOf } from '@nodeless/apimachinery/schema';
import type { DeleteOptions, GetOptions, ListOptions, RequestBody } from '@nodeless/registry/registry';
import type { Query } from './query.ts';
import { booleanParameter } from './request-info.ts';

const integer = /^[-+]?\d+$/;

/** strconv.ParseInt with 64 bits. Errors: 400 with Go's words. */
export function int64Parameter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const fault = (why: string): ApiError => badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: ${why}`);
  if (!integer.test(value)) throw fault('invalid syntax');
  const number = BigInt(value.replace('+', ''));
  if (number > 0x7fffffffffffffffn || number < -0x8000000000000000n) throw fault('value out of range');
  return Number(number);
}

export function getOptions(query: Query): GetOptions {
  const resourceVersion = query.get('resourceVersion');
  return resourceVersion === undefined ? {} : { resourceVersion };
}

export function listOptions(query: Query): ListOptions {
  if (query.raw === '') return {};
  return {
    labelSelector: query.get('labelSelector'),
    fieldSelector: query.get('fieldSelector'),
    limit: int64Parameter(query.get('limit')),
    continue: query.get('continue'),
    resourceVersion: query.get('resourceVersion'),
    resourceVersionMatch: query.get('resourceVersionMatch'),
    sendInitialEvents: booleanParameter(query.get('sendInitialEvents')),
    allowWatchBookmarks: booleanParameter(query.get('allowWatchBookmarks')),
    timeoutSeconds: int64Parameter(query.get('timeoutSeconds')),
  };
}

function deleteParameters(query: Query): DeleteOptions {
  return {
    gracePeriodSeconds: int64Parameter(query.get('gracePeriodSeconds')),
    orphanDependents: booleanParameter(query.get('orphanDependents')),
    propagationPolicy: query.get('propagationPolicy'),
    ...(query.has('dryRun') ? { dryRun: query.getAll('dryRun') } : {}),
  };
}

const deleteOptionsType = typeOf('io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions');

/** A body, if there is one, stands for all parameters. */
export function deleteOptions(query: Query, body: RequestBody | undefined): DeleteOptions {
  if (body === undefined || body.form !== 'wire') return query.raw === '' ? {} : deleteParameters(query);
  try {
    const document = body.read();
    const { kind, apiVersion = 'v1' } = typeMeta(document.value);
    if (kind !== undefined && kind !== 'DeleteOptions') {
      throw badRequest(
        `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
      );
    }
    return decodeObject(document.value, deleteOptionsType, { document }).object as DeleteOptions;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (error instanceof JsonSyntaxError)
      throw badRequest(`couldn't get version/kind; json parse error: ${error.message}`);
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw badRequest(error instanceof Error ? error.message : String(error));
  }
}

function typeMeta(value: unknown): { kind?: string; apiVersion?: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const read = (name: string): string | undefined => {
    const found: unknown = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
    return typeof found === 'string' && found !== '' ? found : undefined;
  };
  return { kind: read('kind'), apiVersion: read('apiVersion') };
}
