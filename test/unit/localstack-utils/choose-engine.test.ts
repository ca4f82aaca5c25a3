import { chooseEngine, thisMachine } from '@nodeless/localstack-utils/choose-engine';
import { localStackArguments } from '@nodeless/localstack-utils/localstack';
import { describe, expect, it } from 'vitest';

interface Case {
  readonly env: NodeJS.ProcessEnv;
  readonly miniStack?: boolean;
  readonly image?: string;
  readonly want: string;
}

const token = { LOCALSTACK_AUTH_TOKEN: 'secret' };
const image = 'localstack/localstack';
const cases: readonly Case[] = [
  { env: {}, want: 'skipped: no AWS emulator here' },
  { env: {}, miniStack: true, want: 'ministack' },
  { env: {}, miniStack: true, image, want: 'ministack' },
  { env: token, miniStack: true, want: 'ministack' },
  { env: token, miniStack: true, image, want: 'localstack' },
  { env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, miniStack: true, want: 'external' },
  { env: { NODELESS_AWS: 'ministack', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, miniStack: true, want: 'ministack' },
  { env: { NODELESS_AWS: 'ministack' }, want: 'failed: NODELESS_AWS=ministack needs' },
  {
    env: { NODELESS_AWS: 'localstack' },
    miniStack: true,
    image,
    want: 'failed: NODELESS_AWS=localstack needs LOCALSTACK',
  },
  {
    env: { NODELESS_AWS: 'localstack', ...token },
    miniStack: true,
    want: 'failed: NODELESS_AWS=localstack needs the image',
  },
  { env: { NODELESS_AWS: 'localstack', ...token }, miniStack: true, image, want: 'localstack' },
  {
    env: { NODELESS_AWS: 'localstack', ...token, LOCALSTACK_IMAGE: 'mine:1' },
    image,
    want: 'failed: NODELESS_AWS=localstack needs the image mine:1',
  },
  { env: { NODELESS_AWS: 'external' }, miniStack: true, want: 'failed: NODELESS_AWS=external needs AWS_ENDPOINT_URL' },
  { env: { NODELESS_AWS: 'external', NODELESS_AWS_ACCOUNT: '123456789012' }, want: 'external' },
  { env: { NODELESS_AWS: 'moto' }, miniStack: true, want: 'failed: NODELESS_AWS is ministack, localstack, external' },
];

describe('which engine the AWS tests run on', () => {
  for (const { env, miniStack = false, image: has, want } of cases) {
    it(`${JSON.stringify({ ...env, miniStack, image: has })} → ${want}`, () => {
      const choice = chooseEngine({
        env,
        miniStack: () => (miniStack ? '/bin/ministack' : undefined),
        hasImage: (name) => name === has,
      });
      const told = 'engine' in choice ? choice.engine : `${choice.required ? 'failed' : 'skipped'}: ${choice.missing}`;
      expect(told).toMatch(new RegExp(`^${want}`));
    });
  }

  it('is MiniStack where PATH has it', () => {
    const empty = thisMachine({ PATH: '/nowhere', HOME: '/nowhere' });
    expect(chooseEngine(empty)).toMatchObject({ required: false });
  });

  it('LocalStack listens on this machine only, and its token is no argument', () => {
    const args = localStackArguments('name', 4510, image);
    expect(args).toContain('127.0.0.1:4510:4566');
    expect(args.at(-1)).toBe(image);
    expect(args[args.indexOf('LOCALSTACK_AUTH_TOKEN') - 1]).toBe('--env');
  });
});
