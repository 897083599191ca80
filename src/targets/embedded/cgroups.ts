import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The folders of the control group `id`, one in each mounted hierarchy, existing or not. */
export async function groupFolders(id: string): Promise<string[]> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const points = mounts.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const point = before.split(' ')[4];
    return after.startsWith('cgroup') && point !== undefined ? [point] : [];
  });
  return [...new Set(points)].map((point) => join(point, id));
}

/** Removes a control group and those below it. Only empty ones can be removed, so no live process is ever touched. */
export async function removeGroup(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(folder, entry.name));
  // What is still busy is found again by whoever checks for residue.
  await rmdir(folder).catch(() => undefined);
}
