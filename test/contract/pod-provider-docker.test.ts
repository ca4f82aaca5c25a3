import { describe, test } from 'vitest';
import type { Container } from '@nodeless/apimachinery/generated/types/core/v1';
import { createTestCluster, dockerProblem, image } from '../integration/docker-engine.ts';
import { type Behaviour, describePodProvider } from './pod-provider.ts';

const sh = (script: string): Partial<Container> => ({
  image,
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', script],
});
const containers: Record<Behaviour, Partial<Container>> = {
  runs: sh('echo "$GREETING"; trap "exit 0" TERM; while :; do sleep 0.2; done'),
  succeeds: sh('exit 0'),
  fails: sh('exit 3'),
  crashes: sh('exit 3'),
  'has no image': { image: 'localhost:1/no-such-image:1' },
};

const problem = await dockerProblem();
if (problem === undefined) {
  describePodProvider('docker', async () => {
    const cluster = await createTestCluster();
    return {
      provider: cluster.provider,
      behave: (behaviour) => ({ container: containers[behaviour] }),
      dispose: () => cluster.dispose(),
      async restart() {
        await cluster.provider.close();
        return cluster.again();
      },
    };
  });
} else {
  describe('pod provider: docker', () => test.skip(`all of it (${problem})`, () => {}));
}
