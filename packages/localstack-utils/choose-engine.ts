import { spawnSync } from 'node:child_process';
import { type EngineName, engineNames } from './engine.ts';
import { findMiniStack } from './ministack.ts';

export const defaultLocalStackImage = 'localstack/localstack';

/** What this machine has, so that the choice itself is pure. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv;
  /** Path of the program, or undefined. */
  miniStack(): string | undefined;
  hasImage(name: string): boolean;
}

export type Choice =
  | { readonly engine: EngineName }
  /** None can be had; `required`: one was asked for by name, so that tests fail instead of being skipped. */
  | { readonly missing: string; readonly required: boolean };

/**
 * NODELESS_AWS names the engine; what was asked for by name is never replaced by another. Otherwise: an endpoint that is given,
 * LocalStack if its token and its image are here, MiniStack if it is installed.
 */
export function chooseEngine(machine: Machine = thisMachine()): Choice {
  const { env } = machine;
  const asked = env['NODELESS_AWS'];
  const image = env['LOCALSTACK_IMAGE'] ?? defaultLocalStackImage;
  switch (asked) {
    case undefined:
    case '':
      if (env['AWS_ENDPOINT_URL']) return { engine: 'external' };
      if (env['LOCALSTACK_AUTH_TOKEN'] && machine.hasImage(image)) return { engine: 'localstack' };
      if (machine.miniStack()) return { engine: 'ministack' };
      return { missing: 'no AWS emulator here: see scripts/ci/install.sh', required: false };
    case 'external':
      if (env['AWS_ENDPOINT_URL'] || env['NODELESS_AWS_ACCOUNT']) return { engine: 'external' };
      return {
        missing:
          'NODELESS_AWS=external needs AWS_ENDPOINT_URL, or NODELESS_AWS_ACCOUNT with the number of the account that may be used',
        required: true,
      };
    case 'localstack':
      if (!env['LOCALSTACK_AUTH_TOKEN'])
        return { missing: 'NODELESS_AWS=localstack needs LOCALSTACK_AUTH_TOKEN', required: true };
      if (!machine.hasImage(image))
        return { missing: `NODELESS_AWS=localstack needs the image ${image}: docker pull ${image}`, required: true };
      return { engine: 'localstack' };
    case 'ministack':
      if (machine.miniStack()) return { engine: 'ministack' };
      return {
        missing: 'NODELESS_AWS=ministack needs the program ministack: see scripts/ci/install.sh',
        required: true,
      };
    default:
      return { missing: `NODELESS_AWS is ${engineNames.join(', ')}, not ${asked}`, required: true };
  }
}

export function thisMachine(env: NodeJS.ProcessEnv = process.env): Machine {
  return {
    env,
    miniStack: () => findMiniStack(env),
    hasImage: (name) => spawnSync('docker', ['image', 'inspect', name], { stdio: 'ignore' }).status === 0,
  };
}
