import { stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** PATH without the folders that have this program. */
export async function pathWithout(name: string): Promise<string> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const usable = await Promise.all(
    folders.map(async (folder) => !(await stat(join(folder, name)).catch(() => undefined))),
  );
  return folders.filter((_folder, index) => usable[index]).join(delimiter);
}
