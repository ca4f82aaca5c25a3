/** Where webhooks are called: shared by admission webhooks and by the conversion of custom resources. */
import type { ServiceReference } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { isDns1123Subdomain } from '@nodeless/apimachinery/names';
import { type Faults, invalid, required } from './checks.ts';
import { parseGoUrl } from './go-url.ts';

const form = '; desired format: https://host[/path]';

export function checkWebhookUrl(faults: Faults, path: string, text: string): void {
  const url = parseGoUrl(text);
  if (typeof url === 'string') {
    faults.push(required(path, `url must be a valid URL: ${url}${form}`));
    return;
  }
  if (url.scheme !== 'https') faults.push(invalid(path, url.scheme, `'https' is the only allowed URL scheme${form}`));
  if (url.host === '') faults.push(invalid(path, url.host, `host must be specified${form}`));
  if (url.user !== undefined) faults.push(invalid(path, url.user, 'user information is not permitted in the URL'));
  if (url.fragment !== '') faults.push(invalid(path, url.fragment, 'fragments are not permitted in the URL'));
  if (url.query !== '') faults.push(invalid(path, url.query, 'query parameters are not permitted in the URL'));
}

export function checkWebhookService(faults: Faults, path: string, service: Readonly<Partial<ServiceReference>>): void {
  if (!service.name) faults.push(required(`${path}.name`));
  if (!service.namespace) faults.push(required(`${path}.namespace`));
  const port = service.port ?? 0;
  if (port < 1 || port > 65535)
    faults.push(invalid(`${path}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'));
  checkWebhookPath(faults, `${path}.path`, service.path ?? '');
}

function checkWebhookPath(faults: Faults, path: string, urlPath: string): void {
  if (urlPath === '' || urlPath === '/') return;
  if (urlPath === '//') {
    faults.push(invalid(path, urlPath, 'segment[0] may not be empty'));
    return;
  }
  if (!urlPath.startsWith('/')) faults.push(invalid(path, urlPath, "must start with a '/'"));
  const segments = urlPath.slice(1).replace(/\/$/, '').split('/');
  segments.forEach((segment, i) => {
    if (segment === '') faults.push(invalid(path, urlPath, `segment[${i}] may not be empty`));
    else
      for (const complaint of isDns1123Subdomain(segment))
        faults.push(invalid(path, urlPath, `segment[${i}]: ${complaint}`));
  });
}
