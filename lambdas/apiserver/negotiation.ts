/** Which form the client wants an answer in (k8s.io/apiserver endpoints/handlers/negotiation, goautoneg). */
import { ApiError } from '@nodeless/apimachinery/status';

export type MediaType = 'application/json' | 'application/yaml' | 'application/vnd.kubernetes.protobuf';

export interface Conversion {
  readonly kind: string;
  readonly group: string;
  readonly version: string;
}

export interface Accepted {
  readonly mediaType: MediaType;
  readonly pretty: boolean;
  /** Table, PartialObjectMetadata or PartialObjectMetadataList of meta.k8s.io v1 or v1beta1; APIGroupDiscoveryList for discovery. */
  readonly convert: Conversion | undefined;
}

const mediaTypes: readonly MediaType[] = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
];
export const mediaTypeList = mediaTypes.join(', ');
const watchTypeList = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';
/** What lists can be served as, watches among them. */
export const listTypeList = `${mediaTypeList}, ${watchTypeList}`;

interface Clause {
  readonly type: string;
  readonly subtype: string;
  readonly q: number;
  readonly params: ReadonlyMap<string, string>;
}

/** Whether an endpoint gives this form; `undefined` = no conversion. */
export type AllowsConversion = (convert: Conversion | undefined, mediaType: MediaType) => boolean;

export const onlyPlain: AllowsConversion = (convert) => convert === undefined;

export const resourceConversions: AllowsConversion = (convert, mediaType) => {
  if (!convert) return true;
  if (convert.group !== 'meta.k8s.io' || (convert.version !== 'v1' && convert.version !== 'v1beta1')) return false;
  if (convert.kind === 'Table') return mediaType !== 'application/vnd.kubernetes.protobuf';
  return convert.kind === 'PartialObjectMetadata' || convert.kind === 'PartialObjectMetadataList';
};

const plainJson: Accepted = { mediaType: 'application/json', pretty: false, convert: undefined };
const plainYaml: Accepted = { mediaType: 'application/yaml', pretty: false, convert: undefined };
const noParams: ReadonlyMap<string, string> = new Map();

/**
 * The best form the Accept header names that the endpoint can give; undefined = none. Protobuf is not written here:
 * where it is asked for beside JSON, JSON is the answer, else the caller decides.
 */
export function negotiate(header: string | undefined, allows: AllowsConversion): Accepted | undefined {
  if (header === undefined || header === '' || header === 'application/json' || header === '*/*') return plainJson;
  if (header === 'application/yaml') return plainYaml;
  let protobuf: Accepted | undefined;
  for (const clause of parseAccept(header)) {
    for (const mediaType of mediaTypes) {
      if (!matches(clause, mediaType)) continue;
      const accepted = accept(clause.params, mediaType, allows);
      if (!accepted) continue;
      if (mediaType !== 'application/vnd.kubernetes.protobuf') return accepted;
      protobuf ??= accepted;
    }
  }
  return protobuf;
}

function matches(clause: Clause, mediaType: MediaType): boolean {
  if (clause.type === '*') return clause.subtype === '*';
  return clause.type === 'application' && (clause.subtype === '*' || mediaType === `application/${clause.subtype}`);
}

function accept(
  params: ReadonlyMap<string, string>,
  mediaType: MediaType,
  allows: AllowsConversion,
): Accepted | undefined {
  if (params.size === 0)
    return allows(undefined, mediaType) ? { mediaType, pretty: false, convert: undefined } : undefined;
  const stream = params.get('stream') ?? '';
  if (stream !== '' && (stream !== 'watch' || mediaType === 'application/yaml')) return undefined;
  const [kind, group, version] = [params.get('as'), params.get('g'), params.get('v')];
  const convert =
    kind === undefined && group === undefined && version === undefined
      ? undefined
      : { kind: kind ?? '', group: group ?? '', version: version ?? '' };
  if (!allows(convert, mediaType)) return undefined;
  return { mediaType, pretty: params.get('pretty') === '1', convert };
}

/** Clauses by preference, in the order of the header where they are equal. */
function parseAccept(header: string): Clause[] {
  const clauses: Clause[] = [];
  for (const part of header.split(',')) {
    const [range = '', ...parameters] = part.trim().split(';');
    const names = range.split('/').map((name) => name.trim());
    const type = names[0] as string;
    const subtype = names[1] || (type === '*' ? '*' : '');
    if (subtype === '' || names.length > 2) continue;
    let q = 1;
    let params: Map<string, string> | undefined;
    for (const parameter of parameters) {
      const [key = '', value, extra] = parameter.split('=').map((text) => text.trim());
      if (value === undefined || value === '' || extra !== undefined) continue;
      if (key === 'q') q = Number(value) || 0;
      else (params ??= new Map()).set(key, value);
    }
    clauses.push({ type, subtype, q, params: params ?? noParams });
  }
  return clauses.length < 2 ? clauses : clauses.sort(byPreference);
}

function byPreference(a: Clause, b: Clause): number {
  return (
    b.q - a.q ||
    Number(a.type === '*') - Number(b.type === '*') ||
    Number(a.subtype === '*') - Number(b.subtype === '*')
  );
}

/**
 * The router looks at the Accept header before the handler does, and more coarsely: bare types only, no ranges but all.
 * False = 406 with the list of what there is.
 */
export function routerAccepts(header: string | undefined): boolean {
  if (header === undefined || header === '' || header === 'application/json' || header === '*/*') return true;
  return header.split(',').some((part) => {
    const semicolon = part.indexOf(';');
    const type = (semicolon < 0 ? part : part.slice(0, semicolon)).trim();
    return type === '*/*' || (mediaTypes as readonly string[]).includes(type);
  });
}

export function notAcceptable(supported: string = mediaTypeList): ApiError {
  return new ApiError({
    code: 406,
    reason: 'NotAcceptable',
    message: `only the following media types are accepted: ${supported}`,
  });
}

/** The router's own 406. */
export function noRepresentation(available: string): ApiError {
  const message = `406: Not Acceptable\n\nAvailable representations: ${available}`;
  return new ApiError({ code: 406, reason: 'NotAcceptable', message, details: {} });
}

/** For a watch: yaml cannot be streamed. */
export const watchNotAcceptable = (): ApiError => notAcceptable(watchTypeList);

export function wantsPretty(pretty: string | undefined, userAgent: string | undefined): boolean {
  if (pretty !== undefined && pretty !== '') return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(pretty);
  // People read these; programs name themselves otherwise.
  return (
    userAgent !== undefined &&
    (userAgent.startsWith('curl') || userAgent.startsWith('Wget') || userAgent.startsWith('Mozilla/5.0'))
  );
}

export function acceptsGzip(header: string | undefined): boolean {
  return header !== undefined && header.split(',').some((token) => token.trim() === 'gzip');
}
