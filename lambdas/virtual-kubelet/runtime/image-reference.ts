export interface ImageReference {
  /** `docker.io`, `ghcr.io`, `localhost:5000` */
  readonly registry: string;
  /** `library/busybox` */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:…` */
  readonly digest: string | undefined;
  /** As written, with `:latest` where neither tag nor digest was given: what the engine is asked for. */
  readonly name: string;
}

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const domain =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const tagPattern = /^[\w][\w.-]{0,127}$/;
const digestPattern = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;

/** Reads an image name by the rules of the OCI distribution reference grammar; undefined = it is not one. */
export function parseImageReference(text: string): ImageReference | undefined {
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const named = at === -1 ? text : text.slice(0, at);
  const slash = named.lastIndexOf('/');
  const colon = named.indexOf(':', slash + 1);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  const path = colon === -1 ? named : named.slice(0, colon);
  const first = path.indexOf('/');
  const head = first === -1 ? '' : path.slice(0, first);
  const hasRegistry =
    head !== '' && (head.includes('.') || head.includes(':') || head === 'localhost' || head.toLowerCase() !== head);
  const registry = hasRegistry ? head : 'docker.io';
  const rest = hasRegistry ? path.slice(first + 1) : path;
  if (digest !== undefined && !digestPattern.test(digest)) return undefined;
  if (tag !== undefined && !tagPattern.test(tag)) return undefined;
  if (hasRegistry && !domain.test(registry)) return undefined;
  if (rest === '' || !rest.split('/').every((part) => component.test(part))) return undefined;
  const repository = registry === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest;
  return {
    registry,
    repository,
    tag,
    digest,
    name: tag === undefined && digest === undefined ? `${text}:latest` : text,
  };
}
