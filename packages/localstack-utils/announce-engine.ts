/** Says first of all what the AWS tests of this run will run on. Exit code 1: what was asked for by name is not here. */
import { chooseEngine } from './choose-engine.ts';
import { startEngine } from './start-engine.ts';

const choice = chooseEngine();
if ('missing' in choice) {
  console.log(`AWS tests: none. ${choice.missing}`);
  process.exitCode = choice.required ? 1 : 0;
} else {
  // Started for its version's sake; each test file starts its own.
  const engine = await startEngine();
  console.log(`AWS tests: ${engine.engine} ${engine.version}`);
  await engine.stop();
}
