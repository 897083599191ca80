import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadConfig } from '../../src/config.js';
import { withLock } from '../../src/tools/lock.js';

/** The machine's own cache folder: tests share it, so that a tool is downloaded once a machine and not once a test. */
export const sharedCacheDir = loadConfig().cacheDir;

/**
 * A folder of the cache that is made once a machine, whoever asks for it first; half of it is never seen.
 * @param timeoutMs how long another test may make it
 * @param make fills a folder of its own, and answers which one below it is meant
 * @returns the folder
 */
export async function madeOnce(
  name: string,
  timeoutMs: number,
  make: (scratch: string) => Promise<string>,
): Promise<string> {
  const folder = join(sharedCacheDir, 'tests', name);
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
  await withLock(`${folder}.lock`, { timeoutMs }, async () => {
    const isThere = await access(folder).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    const scratch = await mkdtemp(`${folder}.partial-`);
    try {
      await rename(await make(scratch), folder);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
  return folder;
}
