/**
 * How long it takes to start N pods on Fargate, against a model of ECS with AWS's quotas (test/aws/rigs/ecs.ts) and a clock that is
 * moved by hand: nothing of it is noisy. The floor is what AWS allows: 100 launches at once, then 20 a second.
 *
 *   npm run bench -- fargate-launches [pods …]
 */
import { createFargateCluster } from '../test/builders/fargate-cluster.ts';

const counts = process.argv.slice(2).map(Number);
const stepMs = 250;

console.log('pods  functions  last launch  floor   all running  ECS calls');
for (const pods of counts.length > 0 ? counts : [10, 100, 300, 1000]) {
  for (const workers of [1, 4]) {
    const cluster = await createFargateCluster({ workers, ticks: false });
    const { ecs, clock, settle } = cluster;
    const before = new Map(ecs.calls);
    const began = clock.now();
    for (let i = 0; i < pods; i++) await cluster.createPod(`p${i}`);
    while (ecs.launches.length < pods) await settle(stepMs);
    const launched = (ecs.launches.at(-1)?.at ?? 0) - began;
    while (!ecs.tasks().every((task) => task.lastStatus === 'RUNNING')) await settle(1_000, stepMs);
    const calls = [...ecs.calls].flatMap(([name, count]) => {
      const made = count - (before.get(name) ?? 0);
      return made > 0 ? [`${name} ${made}`] : [];
    });
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
    const floor = Math.max(0, ((pods - 100) / 20) * 1000);
    console.log(
      [
        String(pods).padStart(4),
        String(workers).padStart(9),
        seconds(launched).padStart(11),
        seconds(floor).padStart(7),
        seconds(clock.now() - began).padStart(12),
        calls.join(', '),
      ].join('  '),
    );
    await cluster.close();
  }
}
