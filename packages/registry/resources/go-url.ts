/** A URL as Go's net/url reads it: the messages show its parts and its complaints. */
import { quoteGo } from '@nodeless/apimachinery/quote-go';

export interface GoUrl {
  readonly scheme: string;
  readonly user: string | undefined;
  readonly host: string;
  readonly query: string;
  readonly fragment: string;
}

class UrlFault extends Error {}

/** The URL, or what is wrong with it. */
export function parseGoUrl(text: string): GoUrl | string {
  const [whole, fragment] = cut(text, '#');
  try {
    return { ...partsOf(whole), fragment: unescaped(fragment) };
  } catch (error) {
    if (!(error instanceof UrlFault)) throw error;
    return `parse ${quoteGo(whole)}: ${error.message}`;
  }
}

function cut(text: string, at: string): [string, string] {
  const i = text.indexOf(at);
  return i < 0 ? [text, ''] : [text.slice(0, i), text.slice(i + at.length)];
}

function partsOf(text: string): Omit<GoUrl, 'fragment'> {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new UrlFault('net/url: invalid control character in URL');
  const found = /^([A-Za-z][A-Za-z0-9+.-]*)?:/.exec(text);
  if (found?.[0] === ':') throw new UrlFault('missing protocol scheme');
  const scheme = (found?.[1] ?? '').toLowerCase();
  const [rest, query] = cut(found ? text.slice(found[0].length) : text, '?');
  const parts = { scheme, user: undefined, host: '', query };
  if (!rest.startsWith('/')) {
    if (scheme !== '') return parts;
    if (cut(rest, '/')[0].includes(':')) throw new UrlFault('first path segment in URL cannot contain colon');
  }
  if (!rest.startsWith('//') || (scheme === '' && rest.startsWith('///'))) {
    unescaped(rest);
    return parts;
  }
  const slash = rest.indexOf('/', 2);
  const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
  const at = authority.lastIndexOf('@');
  const host = hostOf(scheme, authority.slice(at + 1));
  const user = at < 0 ? undefined : authority.slice(0, at);
  if (user !== undefined) {
    if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user)) throw new UrlFault('net/url: invalid userinfo');
    unescaped(user);
  }
  unescaped(slash < 0 ? '' : rest.slice(slash));
  return { ...parts, user, host };
}

function hostOf(scheme: string, host: string): string {
  const open = host.lastIndexOf('[');
  if (open > 0) throw new UrlFault('invalid IP-literal');
  let port = '';
  if (open === 0) {
    const close = host.lastIndexOf(']');
    if (close < 0) throw new UrlFault("missing ']' in host");
    port = host.slice(close + 1);
  } else if (host.includes(':')) {
    port = host.slice(scheme === 'http' || scheme === 'https' ? host.indexOf(':') : host.lastIndexOf(':'));
  }
  if (!/^(?::[0-9]*)?$/.test(port)) throw new UrlFault(`invalid port ${quoteGo(port)} after host`);
  const strange = /[^A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%\u0080-\uffff]/.exec(host);
  if (strange) throw new UrlFault(`invalid character ${quoteGo(strange[0])} in host name`);
  return unescaped(host);
}

function unescaped(text: string): string {
  const bad = /%(?![0-9A-Fa-f]{2})/.exec(text);
  if (bad) throw new UrlFault(`invalid URL escape ${quoteGo(text.slice(bad.index, bad.index + 3))}`);
  if (!text.includes('%')) return text;
  return Buffer.from(
    text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString();
}
