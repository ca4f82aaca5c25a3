/** What a request is about, read from its method and path by kube-apiserver's rules (k8s.io/apiserver endpoints/request). */
import type { Query } from './query.ts';

export interface RequestInfo {
  /** Decoded. */
  readonly path: string;
  /** get list watch create update patch delete deletecollection, '' for other methods; for paths the lower-case method. */
  readonly verb: string;
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  /** From the path, or what `fieldSelector=metadata.name=…` names. */
  readonly name: string;
  /** The path from the resource on: resource, name, subresource, what follows. */
  readonly parts: readonly string[];
  /** The verb stood in the path (`/api/v1/watch/pods`). */
  readonly verbInPath: boolean;
  /** Of list, watch and deletecollection; unparsed. */
  readonly fieldSelector: string | undefined;
  readonly labelSelector: string | undefined;
}

const methodVerbs: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const noParts: readonly string[] = [];

/** undefined when the path cannot be decoded or a verb in it stands alone. */
export function requestInfo(method: string, path: string, query: Query): RequestInfo | undefined {
  const segments = splitPath(path);
  const grouped = segments[0] === 'apis';
  const isResource = segments.length >= (grouped ? 4 : 3) && (grouped || segments[0] === 'api');
  if (!isResource) return pathRequest(method, path);

  const group = grouped ? (segments[1] as string) : '';
  const version = segments[grouped ? 2 : 1] as string;
  let parts = segments.slice(grouped ? 3 : 2);
  let verb = Object.hasOwn(methodVerbs, method) ? (methodVerbs[method] as string) : '';
  const verbInPath = parts[0] === 'watch' || parts[0] === 'proxy';
  if (verbInPath) {
    if (parts.length < 2) return undefined;
    verb = parts[0] as string;
    parts = parts.slice(1);
  }

  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 1) {
    namespace = parts[1] as string;
    // /namespaces/x/status and /namespaces/x/finalize are the namespace's own.
    if (parts.length > 2 && parts[2] !== 'status' && parts[2] !== 'finalize') parts = parts.slice(2);
  }
  const resource = parts[0] as string;
  const subresource = parts.length >= 3 && verb !== 'proxy' ? (parts[2] as string) : '';
  let name = parts[1] ?? '';
  if (name === '' && verb === 'get') {
    verb = isWatch(query) ? 'watch' : 'list';
    name = nameFromSelector(query.get('fieldSelector'));
  } else if (name === '' && verb === 'delete') {
    verb = 'deletecollection';
  }
  const selects = !verbInPath && (verb === 'list' || verb === 'watch' || verb === 'deletecollection');
  return {
    path,
    verb,
    isResource: true,
    group,
    version,
    namespace,
    resource,
    subresource,
    name,
    parts,
    verbInPath,
    fieldSelector: selects ? query.get('fieldSelector') : undefined,
    labelSelector: selects ? query.get('labelSelector') : undefined,
  };
}

function pathRequest(method: string, path: string): RequestInfo {
  return {
    path,
    verb: method.toLowerCase(),
    isResource: false,
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: noParts,
    verbInPath: false,
    fieldSelector: undefined,
    labelSelector: undefined,
  };
}

/** Slashes at the ends are dropped, empty segments between them are kept. */
function splitPath(path: string): string[] {
  let start = 0;
  let end = path.length;
  while (start < end && path.charCodeAt(start) === 0x2f) start++;
  while (end > start && path.charCodeAt(end - 1) === 0x2f) end--;
  return start === end ? [] : path.slice(start, end).split('/');
}

/** A query parameter as Go reads booleans: present means true, unless it says false or 0. */
export function booleanParameter(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  return !(value === '0' || value.toLowerCase() === 'false');
}

function isWatch(query: Query): boolean {
  return booleanParameter(query.get('watch')) === true;
}

/** A list of one name is authorized as that name. */
function nameFromSelector(selector: string | undefined): string {
  if (!selector) return '';
  for (const term of selector.split(',')) {
    const match = /^metadata\.name==?([^=!]*)$/.exec(term.trim());
    const name = match?.[1] ?? '';
    if (name !== '' && pathSegmentFaults(name).length === 0) return name;
  }
  return '';
}

/** Why a name cannot stand in a path; [] = it can. */
export function pathSegmentFaults(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}

/** The decoded path of a target; undefined when it is not valid. */
export function decodePath(path: string): string | undefined {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
