import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { differences, snapshotHost } from '../support/host-snapshot.js';
import type { ClusterFolder } from '../../src/targets/embedded/folder.js';

/** Whose residue it would be. */
export interface Suspect {
  readonly stateDir: string;
  readonly cluster: Pick<ClusterFolder, 'id'>;
}

/** What the kernel takes down a moment after the last process; in milliseconds. */
const settleMs = 10_000;

/** What is left of an environment after `down`: on the host, and of its passing files. Empty when all is well. */
export async function residueOf(bed: Suspect, before: ReadonlySet<string>): Promise<string[]> {
  const deadline = Date.now() + settleMs;
  for (;;) {
    const left = [...(await hostResidue(bed, before)), ...(await passingFiles(bed.stateDir))];
    if (left.length === 0 || Date.now() >= deadline) return left;
    await sleep(500);
  }
}

/** New facts about the host; not those of other clusters that came up meanwhile on the same machine. */
async function hostResidue(bed: Suspect, before: ReadonlySet<string>): Promise<string[]> {
  const added = differences(before, await snapshotHost()).filter((fact) => fact.startsWith('+ '));
  const strangers = await factsOfOthers(bed.cluster.id);
  const others = added.filter((fact) => !strangers.some((word) => fact.includes(word)));
  return [...others, ...(await processesOf(bed.stateDir))];
}

/** Words by which facts of other embedded clusters are known: their group's name, links, processes, namespaces. */
async function factsOfOthers(id: string): Promise<string[]> {
  const words: string[] = [];
  for (const link of (await readdir('/sys/class/net')).filter((name) => name.startsWith('twr'))) {
    const alias = await readFile(`/sys/class/net/${link}/ifalias`, 'utf8').catch(() => '');
    if (alias.trim() !== id) words.push(`link ${link}`, `route ${link}`, `/${link}`);
  }
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/u.test(name))) {
    const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
    const group = /:\/(tracewright-[^/\n]+)/u.exec(groups)?.[1];
    if (group === undefined || group === id) continue;
    words.push(`/${group}`, `process ${pid} `);
    for (const kind of ['net', 'mnt', 'pid', 'ipc', 'uts'])
      words.push(await readlink(`/proc/${pid}/ns/${kind}`).catch(() => `/${group}`));
  }
  return words;
}

/** Worker, server, tools, programs of the cluster: all have the folder in their arguments or their environment. */
async function processesOf(stateDir: string): Promise<string[]> {
  const found = await Promise.all(
    (await readdir('/proc')).map(async (pid) => {
      if (!/^\d+$/u.test(pid)) return [];
      const [line, environment] = await Promise.all(
        ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      );
      const words = line?.replaceAll('\0', ' ') ?? '';
      return words.includes(stateDir) || environment?.includes(`TRACEWRIGHT_STATE_DIR=${stateDir}\0`)
        ? [`process ${pid} ${words.slice(0, 100)}`]
        : [];
    }),
  );
  return found.flat();
}

/** Locks, records of attempts, clusters. What is kept on purpose: the history, logs, the machine's id. */
async function passingFiles(stateDir: string): Promise<string[]> {
  const files = await readdir(stateDir, { recursive: true }).catch(() => []);
  return files
    .filter((file) => /\.lock(?:$|\/)|\/processes\/.|^clusters\/.|\.tmp$/u.test(file))
    .map((file) => `file ${join(stateDir, file)}`);
}
