import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import type { NodelessStackProps } from '../../infra/nodeless-stack.ts';
import { NodelessStack } from '../../infra/nodeless-stack.ts';
import { standInBundles, testApp } from './synthesise.ts';

/** What AWS Solutions' rules find in these settings; synthesis throws when there is anything. */
function findings(options: NodelessStackProps): string {
  const app = testApp();
  new NodelessStack(app, 'NodelessStack', { bundles: standInBundles(), ...options });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  try {
    app.synth();
    return '';
  } catch (error) {
    return String(error);
  }
}

describe('cdk-nag', () => {
  const cases: Record<string, NodelessStackProps> = {
    'the defaults': {},
    'everything that settings add': {
      exposure: 'edge',
      waf: true,
      customerKey: true,
      signingKeyInKms: true,
      network: { egress: 'nat', flowLogs: true, zones: 3 },
      monitoring: { alarmEmails: ['someone@example.com'], killSwitch: true },
    },
    'a hub': { hub: { enabled: true } },
    'an IPv6 cluster that leaves nothing behind': { network: { egress: 'ipv6' }, state: { removal: 'destroy' } },
  };
  for (const [name, options] of Object.entries(cases))
    it(`finds nothing in ${name}`, () => {
      expect(findings(options)).toBe('');
    }, 60_000);
});
