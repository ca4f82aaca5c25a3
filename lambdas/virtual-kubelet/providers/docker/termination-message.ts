import { callEngine, type Engine, isMissing } from './engine.ts';
import { createFrameReader } from './frames.ts';
import { kubeletFolder } from './node-helper.ts';
import { firstFile } from './tar.ts';

/** The kubelet's limits: of a message file, and of the log that stands in for it. */
const longestMessage = 4096;
const longestLog = 2048;
const logLines = 80;

export interface EndedContainer {
  readonly id: string;
  readonly exitCode: number;
  readonly tty: boolean;
  /** Below the kubelet folder; '' = none. */
  readonly file: string;
  readonly policy: string;
}

/** What an ended container left to say: its message file, or the end of its log where the policy asks for that. */
export async function terminationMessage(engine: Engine, helperId: string, ended: EndedContainer): Promise<string> {
  const written = ended.file === '' ? '' : await readFile(engine, helperId, `${kubeletFolder}/${ended.file}`);
  if (written !== '' || ended.policy !== 'FallbackToLogsOnError' || ended.exitCode === 0) return written;
  return endOfLog(engine, ended);
}

async function readFile(engine: Engine, helperId: string, path: string): Promise<string> {
  return callEngine(async () => {
    try {
      const stream = await engine.getContainer(helperId).getArchive({ path });
      const chunks: Buffer[] = [];
      for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
      return (firstFile(Buffer.concat(chunks)) ?? Buffer.alloc(0)).subarray(0, longestMessage).toString('utf8');
    } catch (error) {
      if (isMissing(error)) return '';
      throw error;
    }
  });
}

async function endOfLog(engine: Engine, ended: EndedContainer): Promise<string> {
  return callEngine(async () => {
    const raw = (await engine
      .getContainer(ended.id)
      .logs({ follow: false, stdout: true, stderr: true, tail: logLines })) as unknown as Buffer;
    const chunks: Buffer[] = [];
    if (ended.tty) chunks.push(raw);
    else createFrameReader((_stream, data) => chunks.push(data))(raw);
    return Buffer.concat(chunks).subarray(-longestLog).toString('utf8');
  });
}
