import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether the user could run this program by its name. */
export function isOnPath(program: string, path = process.env['PATH'] ?? ''): boolean {
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
