import type { CustomResourceConversion } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { isDns1035Label } from '@nodeless/apimachinery/names';
import { check, checkRequiredOneOf, type Faults, forbidden, invalid, required } from '../checks.ts';
import { checkWebhookService, checkWebhookUrl } from '../webhook-client.ts';

const known = ['v1', 'v1beta1'];

/** `old`: what was stored without a version that is known may stay so. */
export function checkConversion(
  faults: Faults,
  conversion: Readonly<CustomResourceConversion>,
  old: Readonly<CustomResourceConversion> | undefined,
): void {
  const at = 'spec.conversion';
  const versions = conversion.webhook?.conversionReviewVersions ?? [];
  const client = conversion.webhook?.clientConfig;
  checkRequiredOneOf(faults, `${at}.strategy`, conversion.strategy, ['None', 'Webhook']);
  if (conversion.strategy !== 'Webhook') {
    const why = 'should not be set when strategy is not set to Webhook';
    if (client) faults.push(forbidden(`${at}.webhookClientConfig`, why));
    if (versions.length > 0) faults.push(forbidden(`${at}.conversionReviewVersions`, why));
    return;
  }
  const path = `${at}.webhookClientConfig`;
  if (!client) faults.push(required(path, 'required when strategy is set to Webhook'));
  else if ((client.url === undefined) === !client.service)
    faults.push(required(path, 'exactly one of url or service is required'));
  else if (client.url !== undefined) checkWebhookUrl(faults, `${path}.url`, client.url);
  // The API server passes name and namespace in each other's place.
  else
    checkWebhookService(faults, `${path}.service`, {
      ...client.service!,
      name: client.service!.namespace,
      namespace: client.service!.name,
    });
  const stored = old?.webhook?.conversionReviewVersions ?? [];
  checkReviewVersions(
    faults,
    `${at}.conversionReviewVersions`,
    versions,
    stored.length === 0 || stored.some((version) => known.includes(version)),
  );
}

function checkReviewVersions(faults: Faults, path: string, versions: readonly string[], mustKnow: boolean): void {
  if (versions.length === 0) {
    faults.push(required(path));
    return;
  }
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) faults.push(invalid(`${path}[${i}]`, version, 'duplicate version'));
    else check(faults, `${path}[${i}]`, version, isDns1035Label(version));
  });
  if (mustKnow && !versions.some((version) => known.includes(version))) {
    faults.push(invalid(path, versions, `must include at least one of ${known.join(', ')}`));
  }
}
