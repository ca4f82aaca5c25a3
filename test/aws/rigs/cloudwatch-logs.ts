/** Log streams of CloudWatch for the real SDK client: GetLogEvents with its tokens and pages. */
import { createJsonService, type JsonService, ServiceFault } from './json-service.ts';

export interface LogsModel extends JsonService {
  /** Appends lines to a stream, which begins with the first one. */
  write(stream: string, ...lines: readonly { readonly at: number; readonly text: string }[]): void;
}

/** At most so many in an answer; AWS's number is 10,000. */
export function createLogs(group: string, pageSize = 10_000): LogsModel {
  const streams = new Map<string, { at: number; text: string }[]>();
  const service = createJsonService({
    GetLogEvents(input) {
      const all = streams.get(String(input['logStreamName']));
      if (input['logGroupName'] !== group || !all)
        throw new ServiceFault('ResourceNotFoundException', 'The specified log stream does not exist.');
      const from = (input['startTime'] as number | undefined) ?? 0;
      const lines = all.map((line, index) => ({ ...line, index })).filter(({ at }) => at >= from);
      const limit = Math.min((input['limit'] as number | undefined) ?? pageSize, pageSize);
      const token = input['nextToken'] as string | undefined;
      const [way, position] = [token?.[0], Number(token?.slice(2))];
      let chosen: typeof lines;
      if (way === 'f') chosen = lines.filter(({ index }) => index >= position).slice(0, limit);
      else if (way === 'b') chosen = lines.filter(({ index }) => index < position).slice(-limit);
      else chosen = input['startFromHead'] === true ? lines.slice(0, limit) : lines.slice(-limit);
      const first = chosen[0]?.index ?? (Number.isNaN(position) ? (lines.at(-1)?.index ?? -1) + 1 : position);
      const last = chosen.at(-1)?.index;
      return {
        events: chosen.map(({ at, text }) => ({ timestamp: at, message: text, ingestionTime: at })),
        nextForwardToken: `f/${last === undefined ? first : last + 1}`,
        nextBackwardToken: `b/${first}`,
      };
    },
  });
  return {
    ...service,
    write(stream, ...lines) {
      streams.set(stream, [...(streams.get(stream) ?? []), ...lines]);
    },
  };
}
