/** The part of an image reference that decides the pull policy (distribution/reference grammar). */

const domainComponent = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domain = `(?:${domainComponent}(?:\\.${domainComponent})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`;
const pathComponent = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const name = `(?:${domain}/)?${pathComponent}(?:/${pathComponent})*`;
const reference = new RegExp(
  `^(${name})(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);

const answers = new Map<string, boolean>();

/** True where the reference names no tag and no digest, or the tag `latest`. An invalid reference has no tag: false. */
export function isLatest(image: string): boolean {
  let answer = answers.get(image);
  if (answer === undefined) {
    answer = parse(image);
    if (answers.size > 2000) answers.clear();
    answers.set(image, answer);
  }
  return answer;
}

function parse(image: string): boolean {
  if (/^[a-f0-9]{64}$/.test(image)) return false;
  // Without a domain the first component must be a path, which has no upper case: `Foo/bar` is refused, `Foo.io/bar` is not.
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const hasDomain = first !== '' && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const text = hasDomain ? image : `docker.io/${image}`;
  const match = reference.exec(text);
  // Names beyond 255 characters, with the domain and library/ that Docker adds, are refused.
  if (match === null || fullName(match[1]!, hasDomain).length > 255) return false;
  return match[2] === undefined ? match[3] === undefined : match[2] === 'latest';
}

function fullName(name: string, hasDomain: boolean): string {
  return !hasDomain && !name.slice('docker.io/'.length).includes('/')
    ? `docker.io/library/${name.slice('docker.io/'.length)}`
    : name;
}
