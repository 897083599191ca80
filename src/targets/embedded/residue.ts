import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { groupFolders } from './cgroups.js';
import type { ClusterFolder } from './folder.js';
import { clusterProcesses } from './processes.js';

/** Everything on the host that belongs to the cluster besides its folder, each as a phrase for a person. */
export async function findResidue(folder: ClusterFolder): Promise<string[]> {
  const [processes, groups, links, mounts] = await Promise.all([
    clusterProcesses(folder.id),
    existing(await groupFolders(folder.id)),
    clusterLinks(folder.id),
    mountsBelow(folder.path),
  ]);
  return [
    ...processes.map(({ pid }) => `process ${String(pid)}`),
    ...links.map((link) => `network link ${link}`),
    ...mounts.map((mount) => `mount ${mount}`),
    ...groups.map((group) => `control group ${group}`),
  ];
}

/** Names of the host's network links that carry the cluster's id as their alias. */
export async function clusterLinks(id: string): Promise<string[]> {
  const links = (await readdir('/sys/class/net').catch(() => [])).filter((link) => link.startsWith('twr'));
  const aliases = await Promise.all(
    links.map((link) => readFile(`/sys/class/net/${link}/ifalias`, 'utf8').catch(() => '')),
  );
  return links.filter((_, index) => aliases[index]?.trim() === id);
}

/**
 * Mount points below a folder, as this process sees them. The cluster's own are in a namespace that nobody else sees.
 */
export async function mountsBelow(path: string): Promise<string[]> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const points = mounts.split('\n').map((line) => unescapeOctal(line.split(' ')[4] ?? ''));
  return points.filter((point) => point === path || point.startsWith(join(path, '/')));
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/gu, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const checks = await Promise.allSettled(paths.map((path) => access(path)));
  return paths.filter((_, index) => checks[index]?.status === 'fulfilled');
}
