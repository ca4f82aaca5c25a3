import { checkQualifiedName, type Faults, invalid, required, sortedKeys, tooLong } from '../checks.ts';

const most = 512;
const maxBytes = 256 * 1024;

/** Names of storage drivers in classes, in any case. */
export function checkDriver(faults: Faults, path: string, name: string | undefined): void {
  if (!name) faults.push(required(path));
  else checkQualifiedName(faults, path, name.toLowerCase());
}

export function checkParameters(
  faults: Faults,
  path: string,
  parameters: Readonly<Record<string, string>> | undefined,
): void {
  const keys = sortedKeys(parameters);
  if (keys.length > most) {
    faults.push(tooLong(path, most));
    return;
  }
  let size = 0;
  for (const key of keys) {
    if (key === '') faults.push(invalid(path, key, 'field can not be empty.'));
    size += Buffer.byteLength(key) + Buffer.byteLength(parameters![key]!);
  }
  if (size > maxBytes) faults.push(tooLong(path, maxBytes));
}
