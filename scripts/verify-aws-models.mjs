// Fails when test/fixtures/aws-models is not what scripts/update-aws-models.mjs writes. Exit code 3: cannot be told here,
// because botocore is missing or of another version than the one that the models were taken from.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findBotocore, modelsFolder, trimmedModels } from './aws-models.mjs';

function verify() {
  const botocore = findBotocore();
  if (!botocore) return [3, 'no Python here has botocore'];
  const from = readFileSync(join(modelsFolder, 'botocore-version.txt'), 'utf8').trim();
  if (botocore.version !== from) return [3, `botocore is ${botocore.version} here, and the models are of ${from}`];
  const files = trimmedModels(botocore);
  const extra = readdirSync(modelsFolder).filter((name) => name !== 'operations.txt' && !files.has(name));
  const read = (name) => {
    try {
      return readFileSync(join(modelsFolder, name), 'utf8');
    } catch {
      return undefined;
    }
  };
  const stale = [...files].filter(([name, text]) => read(name) !== text).map(([name]) => name);
  const wrong = [...extra, ...stale];
  return wrong.length === 0
    ? [0, `models of botocore ${from} are current`]
    : [1, `out of date: ${wrong.join(', ')}; run node scripts/update-aws-models.mjs`];
}

const [code, message] = verify();
console.log(message);
process.exitCode = code;
