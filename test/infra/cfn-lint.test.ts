import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NodelessStackProps } from '../../infra/nodeless-stack.ts';
import { synthesise, temporaryFolder } from './synthesise.ts';

/** cfn-lint of the tools that scripts/ci/install.sh installs, or of the path. */
function findLinter(): string | undefined {
  const tools = process.env['NODELESS_TOOLS'];
  const own = [tools, join(process.env['HOME'] ?? '', '.cache', 'nodeless-tools')]
    .filter((folder): folder is string => Boolean(folder))
    .map((folder) => join(folder, 'aws-emulator', 'bin', 'cfn-lint'))
    .find((path) => existsSync(path));
  if (own) return own;
  return spawnSync('cfn-lint', ['--version']).status === 0 ? 'cfn-lint' : undefined;
}

const linter = findLinter();
const title = linter ? execFileSync(linter, ['--version'], { encoding: 'utf8' }).trim() : 'cfn-lint is not installed';

describe.skipIf(!linter)(`the template (${title})`, () => {
  const cases: Record<string, NodelessStackProps> = {
    'with the defaults': {},
    'with everything that settings add': {
      exposure: 'edge',
      waf: true,
      hub: { enabled: true },
      customerKey: true,
      signingKeyInKms: true,
      network: { egress: 'nat', flowLogs: true, zones: 3 },
      monitoring: { alarmEmails: ['someone@example.com'], killSwitch: true },
      state: { removal: 'destroy' },
    },
  };
  for (const [name, options] of Object.entries(cases))
    it(`is right ${name}`, () => {
      const path = join(temporaryFolder(), 'template.json');
      writeFileSync(path, JSON.stringify(synthesise(options)));
      // W3005: CDK writes a dependency, though a reference says the same. That is redundant, not wrong.
      const { stdout, status } = spawnSync(
        linter as string,
        ['--template', path, '--regions', 'us-east-1', '--ignore-checks', 'W3005'],
        {
          encoding: 'utf8',
        },
      );
      expect(stdout).toBe('');
      expect(status).toBe(0);
    }, 60_000);
});
