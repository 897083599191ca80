import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** One folder for each released version, one file for each run of a scenario. */
export const historiesDir = join(import.meta.dirname, 'histories');

/** All kept histories, by `<version>/<scenario>`, as `temporal workflow show -o json` prints them. */
export async function readHistories(): Promise<{ workflowId: string; history: unknown }[]> {
  const entries = await readdir(historiesDir, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Promise.all(
    files.map(async (file) => ({
      workflowId: relative(historiesDir, file).replace(/\.json$/u, ''),
      history: JSON.parse(await readFile(file, 'utf8')) as unknown,
    })),
  );
}
