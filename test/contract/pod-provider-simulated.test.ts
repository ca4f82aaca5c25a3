import { systemClock } from '@nodeless/component-base/clock';
import { createSimulatedProvider } from '@nodeless/virtual-kubelet/providers/simulated/simulated-provider';
import { type Behaviour, describePodProvider } from './pod-provider.ts';

const annotations: Record<Behaviour, Record<string, string>> = {
  runs: {},
  succeeds: { 'simulated.nodeless.dev/run-for': '20ms' },
  fails: { 'simulated.nodeless.dev/fail': 'exit:3' },
  crashes: { 'simulated.nodeless.dev/fail': 'exit:3', 'simulated.nodeless.dev/run-for': '10ms' },
  'has no image': { 'simulated.nodeless.dev/fail': 'ErrImagePull' },
};

describePodProvider(
  'simulated',
  async () => {
    const provider = createSimulatedProvider({ clock: systemClock });
    return {
      provider,
      behave: (behaviour) => ({ container: { image: 'any:1' }, annotations: { ...annotations[behaviour] } }),
      dispose: () => provider.close(),
    };
  },
  {
    skip: [
      {
        test: 'pods outlive the process that began them',
        reason: 'simulated pods are data in this process; the kubelet gives them again, with their status',
      },
    ],
  },
);
