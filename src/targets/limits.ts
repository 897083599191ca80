import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '../domain/check.js';
import { TracewrightError } from '../domain/failure.js';

export const inotifyRemedy =
  'Raise the limits: sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288';

/** With `least`, less than a default kernel has, nodes fail. */
const inotifyLimits = [
  { name: 'max_user_instances', least: 64 },
  { name: 'max_user_watches', least: 8_192 },
] as const;

type InotifyNeed = Readonly<Record<(typeof inotifyLimits)[number]['name'], number>>;

/** What k3d#803 and kind's documentation ask for. */
export const inotifyOfK3d: InotifyNeed = { max_user_instances: 256, max_user_watches: 65_536 };

/**
 * Kubernetes nodes watch many files.
 * @param folder where the limits stand
 * @throws TracewrightError `host.limits`
 */
export async function checkInotify(need: InotifyNeed, folder = '/proc/sys/fs/inotify'): Promise<Finding> {
  const low: string[] = [];
  for (const { name, least } of inotifyLimits) {
    const limit = await readFile(join(folder, name), 'utf8').then(Number, () => undefined);
    if (limit === undefined) return 'The limits are those of the machine that Docker runs in.';
    if (limit < least)
      throw tooLow(
        `fs.inotify.${name} is ${String(limit)}, too low for a Kubernetes node: it would fail with "too many open files".`,
        inotifyRemedy,
      );
    if (limit < need[name]) low.push(`fs.inotify.${name} is ${String(limit)}`);
  }
  if (low.length === 0) return 'Enough files can be watched.';
  return {
    state: 'warning',
    detail: `${low.join(', ')}: pods may fail with "too many open files".`,
    remedy: inotifyRemedy,
  };
}

/**
 * Open files of a process: etcd and containerd hold some hundreds each; 4096 is what old distributions give at the
 * most.
 */
const openFiles = { least: 1_024, enough: 4_096 } as const;
const openFilesRemedy =
  'Raise the hard limit: `ulimit -Hn 65536` as root, LimitNOFILE= of a service, or --ulimit nofile=65536 of a container.';

/** Programs raise their soft limit by themselves up to the hard one. @throws TracewrightError `host.limits` */
export async function checkOpenFiles(): Promise<Finding> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const found = /^Max open files\s+\S+\s+(\S+)/mu.exec(text)?.[1];
  if (found === undefined || found === 'unlimited') return 'Enough files can be open.';
  const limit = Number(found);
  const detail = `A process may have ${found} files open`;
  if (limit < openFiles.least)
    throw tooLow(`${detail}, too few for the programs of a Kubernetes node.`, openFilesRemedy);
  if (limit >= openFiles.enough) return `${detail}.`;
  return {
    state: 'warning',
    detail: `${detail}: a larger stack may need more.`,
    remedy: openFilesRemedy,
  };
}

/** In bytes. The embedded stack holds 1.2 GB in all (measured); without its workloads the cluster alone takes half. */
const memory = { least: 2 ** 30, enough: 2 * 2 ** 30 } as const;

/**
 * What this process and its children may use: of the machine, or of its container; and what others have left of it.
 * @param isRunning the cluster has taken its memory already
 * @param proc where the kernel says so
 * @throws TracewrightError `host.limits`
 */
export async function checkMemory(isRunning: boolean, proc = '/proc'): Promise<Finding> {
  const limit = ownMemory();
  const detail = `There are ${gib(limit)} of memory`;
  const remedy = 'Give the machine or the container more memory, or use another target.';
  if (limit < memory.least) throw tooLow(`${detail}, too little for the embedded cluster.`, remedy);
  const meminfo = await readFile(join(proc, 'meminfo'), 'utf8').catch(() => '');
  const left = Number(/^MemAvailable:\s+(\d+) kB$/mu.exec(meminfo)?.[1] ?? NaN) * 1_024;
  if (!isRunning && left < memory.least)
    throw tooLow(
      `${gib(left)} of memory are left of ${gib(limit)}, and an environment takes about 1.2 GiB.`,
      'Take down an environment (`tracewright list`), end other programs, or give the machine more memory.',
    );
  if (limit >= memory.enough) return `${detail}.`;
  return { state: 'warning', detail: `${detail}; the stack needs about 1.2 GiB of it.`, remedy };
}

/** In bytes: an environment holds 1.2 GB (measured), and somewhat more while it is installed. */
const bytesPerInstall = 1.5 * 2 ** 30;

/**
 * How many installs of local clusters the cores and the memory of this machine, or of its container, bear side by side:
 * one a core, as an install computes more than it waits. See docs/decisions/0032 for what more of them cost and bring.
 * @param cores those that this process may use
 * @param bytes of memory; where a container has no limit that of the machine
 * @returns at least 1
 */
export function slotsOfMachine(cores: number = availableParallelism(), bytes: number = ownMemory()): number {
  return Math.max(1, Math.min(cores, Math.floor(bytes / bytesPerInstall)));
}

/** In bytes: of the machine, or of the container; where there is no limit that is a number near 2^64. */
function ownMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}

/** Such as `1.2 GiB`. */
export function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function tooLow(message: string, remedy: string): TracewrightError {
  return new TracewrightError({ type: 'host.limits', message, remedy });
}
