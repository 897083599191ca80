import { stat, statfs } from 'node:fs/promises';
import { TracewrightError } from '../../../domain/failure.js';

/**
 * What a cold build holds on disk at its end, in bytes: 3.4 GiB of modules (measured), about 4 of compiled packages,
 * 1.1 of programs and images.
 */
const peak = 9 * 2 ** 30;

/**
 * Fails before ten minutes are spent when the disk cannot hold a build. A build that goes on has most of its files
 * already, so it is not asked.
 * @throws TracewrightError `build.disk-full`
 */
export async function requireRoom({ root, go }: { root: string; go: string }): Promise<void> {
  if (await stat(go).catch(() => undefined)) return;
  const { bavail, bsize } = await statfs(root);
  const free = bavail * bsize;
  if (free >= peak) return;
  const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  throw new TracewrightError({
    type: 'build.disk-full',
    message: `Building the embedded cluster needs ${gib(peak)} GiB for a while; the disk of ${root} has ${gib(free)} GiB free.`,
    remedy:
      'Make room, or point XDG_CACHE_HOME at a larger disk. Less than 1 GiB stays in use after the build.',
  });
}
