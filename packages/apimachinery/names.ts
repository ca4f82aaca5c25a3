/**
 * What names, keys and values may look like, in the words of k8s.io/apimachinery (util/validation, api/validate/content,
 * api/validation). Every check returns the list of complaints, empty when there is none.
 */
export type NameCheck = (value: string) => string[];
/** The check of a kind's object names; `prefix` = the value is a generateName, which may end in a dash. */
export type ObjectNameCheck = (name: string, prefix: boolean) => string[];

const DNS1123_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DNS1123_SUBDOMAIN = `${DNS1123_LABEL}(\\.${DNS1123_LABEL})*`;
const DNS1123_UNDERSCORE_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const DNS1123_UNDERSCORE = `${DNS1123_UNDERSCORE_LABEL}(\\.${DNS1123_UNDERSCORE_LABEL})*`;
const DNS1035_LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const WILDCARD = `\\*\\.${DNS1123_SUBDOMAIN}`;
const LABEL_KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${LABEL_KEY})?`;
const C_IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const ENV_NAME = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const HEADER_NAME = '[-A-Za-z0-9]+';
const PERCENT = '[0-9]+%';

/** A pattern whole, as Go's MustCompile("^" + format + "$"). */
const whole = (format: string, flags = ''): RegExp => new RegExp(`^(?:${format})$`, flags);
const dns1123Label = whole(DNS1123_LABEL);
const dns1123Subdomain = whole(DNS1123_SUBDOMAIN);
const dns1123SubdomainCaseless = whole(DNS1123_SUBDOMAIN, 'i');
const dns1123Underscore = whole(DNS1123_UNDERSCORE);
const dns1035Label = whole(DNS1035_LABEL);
const wildcard = whole(WILDCARD);
const labelKey = whole(LABEL_KEY);
const labelValue = whole(LABEL_VALUE);
const cIdentifier = whole(C_IDENTIFIER);
const envName = whole(ENV_NAME);
const configKey = whole(CONFIG_KEY);
const headerName = whole(HEADER_NAME);
const percent = whole(PERCENT);

const SUBDOMAIN_RULE =
  "must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL_KEY_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

export function maxLengthError(length: number): string {
  return `must be no more than ${length} characters`;
}
/** Upstream's newer checks count, and say, bytes. */
function maxBytesError(length: number): string {
  return `must be no more than ${length} bytes`;
}
export function inclusiveRangeError(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}
export function regexError(message: string, format: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${format}')`;
  return `${message} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${format}')`;
}
/** Go's len(). */
function byteLength(value: string): number {
  return Buffer.byteLength(value);
}

export function isDns1123Label(value: string): string[] {
  const errors = byteLength(value) > 63 ? [maxLengthError(63)] : [];
  if (dns1123Label.test(value)) return errors;
  if (dns1123Subdomain.test(value)) errors.push('must not contain dots');
  else
    errors.push(
      regexError(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
        DNS1123_LABEL,
        'my-name',
        '123-abc',
      ),
    );
  return errors;
}

export function isDns1123Subdomain(value: string): string[] {
  const errors = byteLength(value) > 253 ? [maxLengthError(253)] : [];
  if (!dns1123Subdomain.test(value))
    errors.push(regexError(`a lowercase RFC 1123 subdomain ${SUBDOMAIN_RULE}`, DNS1123_SUBDOMAIN, 'example.com'));
  return errors;
}

/** As newer fields check it: counted in bytes, upper case allowed. */
export function isDns1123SubdomainCaseless(value: string): string[] {
  const errors = byteLength(value) > 253 ? [maxBytesError(253)] : [];
  if (!dns1123SubdomainCaseless.test(value)) {
    errors.push(
      regexError(
        "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        DNS1123_SUBDOMAIN,
        'Example.com',
      ),
    );
  }
  return errors;
}

/** For DNS search paths. */
export function isDns1123SubdomainWithUnderscore(value: string): string[] {
  const errors = byteLength(value) > 253 ? [maxLengthError(253)] : [];
  if (!dns1123Underscore.test(value)) {
    errors.push(
      regexError(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
        DNS1123_UNDERSCORE,
        'example.com',
      ),
    );
  }
  return errors;
}

export function isDns1035Label(value: string): string[] {
  const errors = byteLength(value) > 63 ? [maxLengthError(63)] : [];
  if (!dns1035Label.test(value)) {
    errors.push(
      regexError(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        DNS1035_LABEL,
        'my-name',
        'abc-123',
      ),
    );
  }
  return errors;
}

export function isWildcardDns1123Subdomain(value: string): string[] {
  const errors = byteLength(value) > 253 ? [maxLengthError(253)] : [];
  if (!wildcard.test(value)) {
    errors.push(
      regexError(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        WILDCARD,
        '*.example.com',
      ),
    );
  }
  return errors;
}

/** A label or annotation key, a finalizer, a condition type, a resource name: an optional DNS prefix, `/`, a name. */
export function isQualifiedName(value: string): string[] {
  const parts = value.split('/');
  if (parts.length > 2) {
    return [
      `a valid label key ${regexError(LABEL_KEY_RULE, LABEL_KEY, 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const errors: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    if (prefix === '') errors.push('prefix part must be non-empty');
    else {
      if (byteLength(prefix) > 253) errors.push(`prefix part ${maxBytesError(253)}`);
      if (!dns1123Subdomain.test(prefix))
        errors.push(
          `prefix part ${regexError(`a lowercase RFC 1123 subdomain ${SUBDOMAIN_RULE}`, DNS1123_SUBDOMAIN, 'example.com')}`,
        );
    }
  }
  const name = parts[parts.length - 1] as string;
  if (name === '') errors.push('name part must be non-empty');
  else if (byteLength(name) > 63) errors.push(`name part ${maxBytesError(63)}`);
  if (!labelKey.test(name))
    errors.push(`name part ${regexError(LABEL_KEY_RULE, LABEL_KEY, 'MyName', 'my.name', '123-abc')}`);
  return errors;
}

export function isLabelValue(value: string): string[] {
  const errors = byteLength(value) > 63 ? [maxBytesError(63)] : [];
  if (!labelValue.test(value)) {
    errors.push(
      regexError(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        LABEL_VALUE,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  }
  return errors;
}

export function isCIdentifier(value: string): string[] {
  if (cIdentifier.test(value)) return [];
  return [
    regexError(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
      C_IDENTIFIER,
      'my_name',
      'MY_NAME',
      'MyName',
    ),
  ];
}

/** A port's number. */
export function isPortNumber(port: number): string[] {
  return isInRange(port, 1, 65535);
}

export function isInRange(value: number, low: number, high: number): string[] {
  return value >= low && value <= high ? [] : [inclusiveRangeError(low, high)];
}

/** A user or group id. */
export function isUserId(id: number): string[] {
  return isInRange(id, 0, 2 ** 31 - 1);
}

/** The name of a container's or service's port. */
export function isPortName(port: string): string[] {
  const errors: string[] = [];
  if (byteLength(port) > 15) errors.push(maxLengthError(15));
  if (!/^[-a-z0-9]+$/.test(port)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(port)) errors.push('must contain at least one letter (a-z)');
  if (port.includes('--')) errors.push('must not contain consecutive hyphens');
  if (port.startsWith('-') || port.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

export function isPercent(value: string): string[] {
  return percent.test(value)
    ? []
    : [regexError("a valid percent string must be a numeric string followed by an ending '%'", PERCENT, '1%', '93%')];
}

export function isHttpHeaderName(value: string): string[] {
  return headerName.test(value)
    ? []
    : [regexError("a valid HTTP header must consist of alphanumeric characters or '-'", HEADER_NAME, 'X-Header-Name')];
}

export function isEnvVarName(value: string): string[] {
  const errors = envName.test(value)
    ? []
    : [
        regexError(
          "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
          ENV_NAME,
          'my.env-name',
          'MY_ENV.NAME',
          'MyEnvName1',
        ),
      ];
  return [...errors, ...dotsError(value)];
}

/** What containers' environment variables may be called since v1.34. */
export function isRelaxedEnvVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  return /^[ -<>-~]*$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** A key of a ConfigMap or Secret. */
export function isConfigMapKey(value: string): string[] {
  const errors = byteLength(value) > 253 ? [maxLengthError(253)] : [];
  if (!configKey.test(value))
    errors.push(
      regexError(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        CONFIG_KEY,
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  return [...errors, ...dotsError(value)];
}

function dotsError(value: string): string[] {
  if (value === '.') return [`must not be '.'`];
  if (value === '..') return [`must not be '..'`];
  return value.startsWith('..') ? [`must not start with '..'`] : [];
}

/** A name that can stand in a URL: RBAC objects and others that have no DNS rule. */
export function isPathSegmentName(name: string, prefix = false): string[] {
  if (!prefix && (name === '.' || name === '..')) return [`may not be '${name}'`];
  return ['/', '%'].filter((illegal) => name.includes(illegal)).map((illegal) => `may not contain '${illegal}'`);
}

/** A generateName ends in a dash as a rule; the random part comes after it. */
function maskTrailingDash(name: string): string {
  return /[\0-\x7f]-$/.test(name) ? `${name.slice(0, -2)}a` : name;
}
export const nameIsDnsSubdomain: ObjectNameCheck = (name, prefix) =>
  isDns1123Subdomain(prefix ? maskTrailingDash(name) : name);
export const nameIsDnsLabel: ObjectNameCheck = (name, prefix) => isDns1123Label(prefix ? maskTrailingDash(name) : name);
export const nameIsDns1035Label: ObjectNameCheck = (name, prefix) =>
  isDns1035Label(prefix ? maskTrailingDash(name) : name);

/** Without vowels and the digits that look like letters, so that no words come out. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const RANDOM_LENGTH = 5;
const MAX_BASE = 63 - RANDOM_LENGTH;

/** What generateName becomes: the prefix, cut to 58, and five random characters. */
export function generateName(prefix: string, random: () => number = Math.random): string {
  return prefix.slice(0, MAX_BASE) + randomSuffix(RANDOM_LENGTH, random);
}

export function randomSuffix(length: number, random: () => number = Math.random): string {
  let suffix = '';
  for (let i = 0; i < length; i++) suffix += alphabet.charAt(Math.floor(random() * alphabet.length));
  return suffix;
}
