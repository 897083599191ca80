import { existsSync } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FoundCluster } from '../target.js';
import { groupFolders } from './control-groups.js';
import { clusterFolder, type ClusterFolder } from './folder.js';
import { clusterProcesses, findNode, liveClusterIds } from './processes.js';

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

/** A cluster's name, and the state folder that it lies in, where that is known. */
interface Place {
  readonly name: string;
  readonly stateDir?: string;
}

/**
 * The embedded clusters of this machine: those with data in the state folder, and those that run, also of other state
 * folders. Changes nothing.
 */
export async function findEmbeddedClusters(stateDir: string): Promise<FoundCluster[]> {
  const names = await readdir(join(stateDir, 'clusters')).catch(() => []);
  const here = names.filter((name) => existsSync(join(stateDir, 'clusters', name, 'node.json')));
  const running = await Promise.all(
    [...(await liveClusterIds())].map(async ([id, name]) => ({ id, ...(await placeOf(id, name, stateDir)) })),
  );
  const stopped = here
    .map((name) => ({ id: clusterFolder(stateDir, name).id, name, stateDir }))
    .filter(({ id }) => !running.some((it) => it.id === id));
  const found = await Promise.all([...running, ...stopped].map(({ id, ...place }) => whatExists(id, place)));
  // What was being deleted meanwhile is not there any more.
  return found.filter(({ exists }) => exists.length > 0);
}

/**
 * The node is called with its folder. That path makes the id, so a process that only looks like one of ours is not
 * taken for one.
 */
async function placeOf(id: string, name: string, stateDir: string): Promise<Place> {
  if (clusterFolder(stateDir, name).id === id) return { name, stateDir };
  const node = await findNode(id);
  const command = node && (await readFile(`/proc/${String(node.pid)}/cmdline`, 'utf8').catch(() => ''));
  const path = command?.split('\0')[2] ?? '';
  const other = dirname(dirname(path));
  return path !== '' && clusterFolder(other, basename(path)).id === id ? { name, stateDir: other } : { name };
}

async function whatExists(id: string, { name, stateDir }: Place): Promise<FoundCluster> {
  const processes = await clusterProcesses(id);
  const node = processes.length > 0 ? await findNode(id) : undefined;
  const path = stateDir === undefined ? undefined : clusterFolder(stateDir, name).path;
  return {
    environment: name,
    target: { kind: 'embedded' },
    ...(stateDir !== undefined && { stateDir }),
    exists: [
      ...(node ? [`a Kubernetes node, process ${String(node.pid)}`] : []),
      ...(processes.length > 0 ? [`${String(processes.length)} processes in the control group ${id}`] : []),
      ...(path !== undefined && existsSync(path) ? [`folder ${path}`] : []),
    ],
  };
}
