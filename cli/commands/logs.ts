import { pipeline } from 'node:stream/promises';
import { errorOf, readAll } from '@nodeless/client/http-transport';
import { connect, type ConnectionOptions } from '../connection.ts';
import { type AddCommand, withConnection } from './command.ts';

interface LogsOptions extends ConnectionOptions {
  namespace?: string;
  container?: string;
  follow?: boolean;
  previous?: boolean;
  tail?: string;
  since?: string;
  timestamps?: boolean;
}

export const addLogs: AddCommand = (program) => {
  withConnection(program.command('logs').description("print a container's output").argument('<pod>', 'name of the pod'))
    .option('-n, --namespace <name>', 'namespace')
    .option('-c, --container <name>', 'container, where there are several')
    .option('-f, --follow', 'go on as more comes')
    .option('-p, --previous', 'of the run before the last restart')
    .option('--tail <lines>', 'only so many lines from the end')
    .option('--since <seconds>', 'only what is not older than so many seconds')
    .option('--timestamps', 'with the time of each line')
    .action(async (pod: string, options: LogsOptions) => {
      const { client, namespace } = connect(options);
      const query = new URLSearchParams();
      if (options.container) query.set('container', options.container);
      if (options.follow) query.set('follow', 'true');
      if (options.previous) query.set('previous', 'true');
      if (options.timestamps) query.set('timestamps', 'true');
      if (options.tail) query.set('tailLines', options.tail);
      if (options.since) query.set('sinceSeconds', options.since);
      const path = `/api/v1/namespaces/${encodeURIComponent(options.namespace ?? namespace)}/pods/${encodeURIComponent(pod)}/log?${query.toString()}`;
      try {
        const response = await client.transport.open({ method: 'GET', path });
        if (response.statusCode !== 200) throw errorOf(response.statusCode ?? 500, await readAll(response));
        await pipeline(response, process.stdout, { end: false });
      } finally {
        client.close();
      }
    });
};
