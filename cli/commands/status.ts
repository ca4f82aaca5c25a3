import type { Node, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodReady } from '@nodeless/apimachinery/pod-conditions';
import { nodes, pods } from '@nodeless/client/resource-types';
import { dataDirPaths, defaultDataDir, findRunning } from '@nodeless/local/data-dir';
import { connect } from '../connection.ts';
import { outputFormat } from '../output.ts';
import type { AddCommand } from './command.ts';

export const addStatus: AddCommand = (program, output) => {
  program
    .command('status')
    .description('tell whether the cluster runs and what is in it (exit code 3: it does not run)')
    .option('--data-dir <folder>', 'folder of the cluster (default: .nodeless)')
    .option('-o, --output <format>', 'json')
    .action(async (options: { dataDir?: string; output?: string }) => {
      outputFormat(options.output, ['json']);
      const dataDir = options.dataDir ?? defaultDataDir;
      const running = findRunning(dataDir);
      if (!running) {
        if (options.output === 'json') output.json({ running: false });
        else output.line('The cluster is not running. Start it with "npm start".');
        process.exitCode = 3;
        return;
      }
      const { client } = connect({ dataDir });
      try {
        const [allNodes, allPods] = await Promise.all([client.list(nodes), client.list(pods)]);
        const summary = {
          running: true,
          ...running,
          kubeconfig: dataDirPaths(dataDir).kubeconfig,
          nodes: { total: allNodes.items.length, ready: allNodes.items.filter(isNodeReady).length },
          pods: { total: allPods.items.length, ready: allPods.items.filter((pod: Pod) => isPodReady(pod)).length },
        };
        if (options.output === 'json') return output.json(summary);
        output.line(`API server   ${running.server}  (pid ${running.pid}, since ${running.startedAt})`);
        output.line(`Provider     ${running.provider}`);
        output.line(`Nodes        ${summary.nodes.ready} of ${summary.nodes.total} ready`);
        output.line(`Pods         ${summary.pods.ready} of ${summary.pods.total} ready`);
        output.line(`Kubeconfig   ${summary.kubeconfig}`);
      } finally {
        client.close();
      }
    });
};

const isNodeReady = (node: Node): boolean =>
  node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
