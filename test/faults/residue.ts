import { readdir, readFile, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { differences, snapshotHost } from '../support/host-snapshot.js';
import type { ClusterFolder } from '../../src/targets/embedded/folder.js';

/** Whose residue it would be. */
export interface Suspect {
  readonly stateDir: string;
  /** The one of its own. */
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

/** New facts about the host; not those of others on the same machine. */
async function hostResidue(bed: Suspect, before: ReadonlySet<string>): Promise<string[]> {
  const added = differences(before, await snapshotHost()).filter((fact) => fact.startsWith('+ '));
  const strangers = await factsOfOthers(bed);
  const others = added.filter(
    (fact) =>
      !strangers.some((word) => fact.includes(word)) &&
      !isMountOfAnother(bed.stateDir, fact) &&
      !isGroupOfAnother(bed.cluster.id, fact),
  );
  return [...others, ...(await processesOf(bed.stateDir))];
}

/** A disk that another test has mounted in its own folder: what we mount for all to see is below the state folder. */
function isMountOfAnother(stateDir: string, fact: string): boolean {
  const path = /^\+ mount \S+ \S+ (\S+)$/u.exec(fact)?.[1];
  return path?.startsWith(join(tmpdir(), '/')) === true && !path.startsWith(stateDir);
}

/** What is ours in a control group has the cluster's id in its path. */
function isGroupOfAnother(id: string, fact: string): boolean {
  return fact.includes('/sys/fs/cgroup/') && !fact.includes(`/${id}`);
}

/**
 * Words by which facts of others are known: links and groups of other clusters, and processes with their namespaces. A
 * process of ours is in the group of the cluster or has the state folder in its arguments or its environment, which
 * children inherit; browsers and containers that start meanwhile have neither. A group or a mount shows by itself.
 */
async function factsOfOthers(bed: Suspect): Promise<string[]> {
  const { id } = bed.cluster;
  const words: string[] = [];
  for (const link of (await readdir('/sys/class/net')).filter((name) => name.startsWith('twr'))) {
    const alias = await readFile(`/sys/class/net/${link}/ifalias`, 'utf8').catch(() => '');
    if (alias.trim() !== id) words.push(`link ${link}`, `route ${link}`, `/${link}`);
  }
  for (const pid of await allPids()) {
    const group = await groupOf(pid);
    if (group === id || (await namesFolder(pid, bed.stateDir)) !== undefined) continue;
    if (group !== undefined) words.push(`/${group}`);
    words.push(`process ${pid} `);
    for (const kind of ['net', 'mnt', 'pid', 'ipc', 'uts']) {
      const namespace = await readlink(`/proc/${pid}/ns/${kind}`).catch(() => undefined);
      if (namespace !== undefined) words.push(namespace);
    }
  }
  return words;
}

/** The group of an embedded cluster that a process is in. */
async function groupOf(pid: string): Promise<string | undefined> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return /:\/(tracewright-[^/\n]+)/u.exec(groups)?.[1];
}

/** Worker, server, tools, programs of the cluster: all have the folder in their arguments or their environment. */
async function processesOf(stateDir: string): Promise<string[]> {
  const found = await Promise.all(
    (await allPids()).map(async (pid) => {
      const words = await namesFolder(pid, stateDir);
      return words === undefined ? [] : [`process ${pid} ${words.slice(0, 100)}`];
    }),
  );
  return found.flat();
}

/** @returns the arguments of a process that has the folder in them or in its environment */
async function namesFolder(pid: string, stateDir: string): Promise<string | undefined> {
  const [line = '', environment = ''] = await Promise.all(
    ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
  );
  const words = line.replaceAll('\0', ' ');
  const isOurs = words.includes(stateDir) || environment.includes(`TRACEWRIGHT_STATE_DIR=${stateDir}\0`);
  return isOurs ? words : undefined;
}

const allPids = async (): Promise<string[]> => (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));

/** Locks, records of attempts, clusters. What is kept on purpose: the history, logs, the machine's id. */
async function passingFiles(stateDir: string): Promise<string[]> {
  const files = await readdir(stateDir, { recursive: true }).catch(() => []);
  return files
    .filter((file) => /\.lock(?:$|\/)|\/processes\/.|^clusters\/.|\.tmp$/u.test(file))
    .map((file) => `file ${join(stateDir, file)}`);
}
