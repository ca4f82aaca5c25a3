// Writes test/fixtures/aws-models/*.json: the models of the operations that operations.txt lists, from an installation of
// botocore (NODELESS_PYTHON, or the one that scripts/ci/install.sh makes). Apache-2.0, as botocore is.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBotocore, modelsFolder, trimmedModels } from './aws-models.mjs';
import { fail } from './set-up.mjs';

const botocore =
  findBotocore() ?? fail('no Python here has botocore: pip install botocore, and name it by NODELESS_PYTHON');
const files = trimmedModels(botocore);
for (const name of readdirSync(modelsFolder))
  if (name !== 'operations.txt' && !files.has(name)) rmSync(join(modelsFolder, name));
for (const [name, text] of files) writeFileSync(join(modelsFolder, name), text);
