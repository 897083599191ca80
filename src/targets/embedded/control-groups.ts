import { access, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';

/** One mounted tree of control groups: the unified one (v2), or that of some controllers (v1). */
export interface Hierarchy {
  readonly mountPoint: string;
  /**
   * Which group is mounted there, as /proc/<pid>/cgroup names it: `/` on a machine; in a container without a namespace
   * of its own for them `/docker/<id>`, so that what is a top group there has a longer path.
   */
  readonly root: string;
  /** Of v1, as /proc/<pid>/cgroup names them: `cpu`, `name=systemd`. `undefined`: v2. */
  readonly controllers: readonly string[] | undefined;
}

/** @param mountinfo of /proc/<pid>/mountinfo, see proc(5) */
export function parseHierarchies(mountinfo: string): Hierarchy[] {
  return mountinfo.split('\n').flatMap((line): Hierarchy[] => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, mountPoint] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || mountPoint === undefined) return [];
    if (type === 'cgroup2') return [{ mountPoint, root, controllers: undefined }];
    return type === 'cgroup' ? [{ mountPoint, root, controllers: options.split(',') }] : [];
  });
}

/** The trees of control groups that this process sees. */
export async function hierarchies(): Promise<Hierarchy[]> {
  return parseHierarchies(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''));
}

/**
 * The outermost group of a process in each hierarchy, below what is mounted: the id of a cluster, if it is one of its
 * processes. That of a cluster in a container is no outermost one for the machine around it, so that two with the same
 * id are not taken for each other.
 * @param cgroup of /proc/<pid>/cgroup, see cgroups(7)
 */
export function outermostGroups(cgroup: string, mounted: readonly Hierarchy[]): string[] {
  return cgroup.split('\n').flatMap((line) => {
    const [, , names, path] = /^(\d+):([^:]*):(.*)$/u.exec(line) ?? [];
    if (names === undefined || path === undefined) return [];
    return mounted
      .filter(({ controllers }) => isSame(controllers, names))
      .flatMap(({ root }) => {
        const top = root === '/' ? '' : root;
        return path.startsWith(`${top}/`) ? (path.slice(top.length).split('/')[1] ?? []) : [];
      });
  });
}

function isSame(controllers: Hierarchy['controllers'], names: string): boolean {
  if (controllers === undefined || names === '') return controllers === undefined && names === '';
  return names.split(',').every((name) => controllers.includes(name));
}

/** The folders of the control group `id`, one in each mounted hierarchy, existing or not. */
export async function groupFolders(id: string): Promise<string[]> {
  const points = (await hierarchies()).map(({ mountPoint }) => mountPoint);
  return [...new Set(points)].map((point) => join(point, id));
}

/** Removes a control group and those below it. Only empty ones can be removed, so no live process is ever touched. */
export async function removeGroup(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(folder, entry.name));
  // What is still busy is found again by whoever checks for residue.
  await rmdir(folder).catch(() => undefined);
}

/** Whether no group can be made in any hierarchy: a container that is not privileged sees them, but may only read. */
export async function areReadOnly(): Promise<boolean> {
  const points = (await hierarchies()).map(({ mountPoint }) => mountPoint);
  const writable = await Promise.all(
    points.map((point) =>
      access(point, constants.W_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return points.length > 0 && !writable.includes(true);
}

/** Where the processes of a container go that stand in its outermost group; other engines in containers call it so too. */
const leafName = 'init';
const rounds = 5;

/**
 * In a container the outermost group that one sees holds the container's own processes, and a v2 group with processes
 * cannot share its controllers out to others. So they move into one below; nothing else changes for them. Does nothing on
 * a machine, whose root group has no such rule, and with v1.
 */
export async function makeRoomForGroups(mounted?: readonly Hierarchy[]): Promise<void> {
  const found = mounted ?? (await hierarchies());
  const [unified] = found;
  if (!unified || found.some(({ controllers }) => controllers !== undefined)) return;
  const { mountPoint } = unified;
  // Only a group that is not the machine's root has a type.
  if ((await readFile(join(mountPoint, 'cgroup.type'), 'utf8').catch(() => '')) === '') return;
  const leaf = join(mountPoint, leafName);
  // Some may be born meanwhile. If one cannot be moved, the node says what is in its way.
  for (let round = 0; round < rounds; round += 1) {
    const pids = (await readFile(join(mountPoint, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean);
    if (pids.length === 0) return;
    await mkdir(leaf, { recursive: true });
    for (const pid of pids) await writeFile(join(leaf, 'cgroup.procs'), pid).catch(() => undefined);
  }
}
