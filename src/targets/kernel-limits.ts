import { access, constants, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../domain/check.js';
import { TracewrightError } from '../domain/failure.js';

/** What the kernel counts, of this user or of the whole machine. */
interface Usage {
  readonly inotifyInstances: number;
  readonly inotifyWatches: number;
  readonly openFiles: number;
  readonly threads: number;
}

interface KernelLimit {
  /** Below /proc/sys. */
  readonly path: string;
  readonly of: keyof Usage;
  /**
   * What an environment takes of it: half as much again as one of the stack `embedded` was seen to (21 instances, 412
   * watches, 892 files, 330 threads).
   */
  readonly need: number;
  /** What it is raised to: room for some hundred environments, below what the kernel allows. */
  readonly raised: number;
}

/** The defaults of Debian: 128 instances, with which the seventh environment finds none. */
const kernelLimits: readonly KernelLimit[] = [
  { path: 'fs/inotify/max_user_instances', of: 'inotifyInstances', need: 32, raised: 8_192 },
  { path: 'fs/inotify/max_user_watches', of: 'inotifyWatches', need: 640, raised: 1_048_576 },
  { path: 'fs/file-max', of: 'openFiles', need: 1_344, raised: 4_194_304 },
  { path: 'kernel/threads-max', of: 'threads', need: 512, raised: 1_048_576 },
  { path: 'kernel/pid_max', of: 'threads', need: 512, raised: 4_194_304 },
];

/** Others may start at the same moment, before what they take is counted. */
const headroom = 2;

/** A limit that leaves no room for another environment, or soon will. */
interface Shortage extends KernelLimit {
  readonly limit: number;
  readonly used: number;
  /** Another environment would fail. */
  readonly isHard: boolean;
}

/**
 * Whether the kernel's limits leave room for another environment.
 * @param proc where the kernel says so
 * @throws TracewrightError `host.limits`: they do not, and we cannot raise them
 */
export async function checkKernelLimits(proc = '/proc'): Promise<Finding> {
  const raisable: Shortage[] = [];
  for (const shortage of await shortages(proc)) {
    if (await canRaise(proc, shortage)) raisable.push(shortage);
    else if (shortage.isHard) throw noRoom(shortage);
  }
  if (raisable.length === 0) return 'The limits of the kernel leave room for another environment.';
  return {
    state: 'warning',
    detail: raisable
      .map((it) => `${textOf(it)}: it is raised to ${String(it.raised)} when the cluster starts.`)
      .join(' '),
    remedy: 'Nothing: it costs nothing until it is used, and lasts until the machine starts again.',
  };
}

/**
 * Raises those of the kernel's limits that leave no room for another environment. They stay raised: other programs may
 * have come to need it.
 * @param say told of each that was raised
 * @throws TracewrightError `host.limits`: one cannot be raised
 */
export async function makeRoom(say: (text: string) => void, proc = '/proc'): Promise<void> {
  for (const shortage of await shortages(proc)) {
    const { path, limit, raised, isHard } = shortage;
    if (limit >= raised) {
      if (isHard) throw noRoom(shortage);
      continue;
    }
    try {
      await writeFile(join(proc, 'sys', path), String(raised));
    } catch (error) {
      if (isHard) throw noRoom(shortage, error);
      continue;
    }
    say(`Raised ${nameOf(path)} to ${String(raised)}: ${textOf(shortage)}`);
  }
}

async function shortages(proc: string): Promise<Shortage[]> {
  const usage = await usageOf(proc);
  const found = await Promise.all(
    kernelLimits.map(async (kernelLimit) => {
      const limit = await readFile(join(proc, 'sys', kernelLimit.path), 'utf8').then(Number, () => Infinity);
      const [used, { need }] = [usage[kernelLimit.of], kernelLimit];
      return { ...kernelLimit, limit, used, isHard: used + need > limit };
    }),
  );
  return found.filter(({ limit, used, need }) => used + headroom * need > limit);
}

async function usageOf(proc: string): Promise<Usage> {
  const read = (path: string): Promise<string> => readFile(join(proc, path), 'utf8').catch(() => '');
  const [files, load, inotify] = await Promise.all([
    read('sys/fs/file-nr'),
    read('loadavg'),
    inotifyOf(proc, process.getuid?.() ?? 0),
  ]);
  return {
    ...inotify,
    openFiles: Number(files.split(/\s+/u)[0] ?? 0),
    // Runnable ones of all: proc(5).
    threads: Number(/\d+\/(?<all>\d+)/u.exec(load)?.groups?.['all'] ?? 0),
  };
}

/** The kernel counts those of each user by itself, and tells nobody: they are among the open files of the processes. */
async function inotifyOf(
  proc: string,
  uid: number,
): Promise<Pick<Usage, 'inotifyInstances' | 'inotifyWatches'>> {
  const pids = (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/u.test(name));
  const perProcess = await Promise.all(
    pids.map(async (pid) => {
      const folder = join(proc, pid);
      // A process that has ended meanwhile has none.
      if ((await stat(folder).catch(() => undefined))?.uid !== uid) return [];
      const names = await readdir(join(folder, 'fd')).catch(() => []);
      const watches = await Promise.all(
        names.map(async (name) => {
          const link = await readlink(join(folder, 'fd', name)).catch(() => '');
          if (!link.startsWith('anon_inode:inotify')) return [];
          const info = await readFile(join(folder, 'fdinfo', name), 'utf8').catch(() => '');
          return [info.split('\n').filter((line) => line.startsWith('inotify ')).length];
        }),
      );
      return watches.flat();
    }),
  );
  const instances = perProcess.flat();
  return {
    inotifyInstances: instances.length,
    inotifyWatches: instances.reduce((sum, watches) => sum + watches, 0),
  };
}

async function canRaise(proc: string, { path, limit, raised }: Shortage): Promise<boolean> {
  if (limit >= raised) return false;
  return access(join(proc, 'sys', path), constants.W_OK).then(
    () => true,
    () => false,
  );
}

function noRoom(shortage: Shortage, cause?: unknown): TracewrightError {
  const { path, need, raised, limit } = shortage;
  const target = String(Math.max(raised, 2 * limit));
  return new TracewrightError({
    type: 'host.limits',
    message: `${textOf(shortage)}, and an environment takes about ${String(need)}.`,
    remedy: `Raise it, in a container on its host: sudo sysctl ${nameOf(path)}=${target}. Or take down an environment.`,
    cause,
  });
}

function textOf({ path, limit, used }: Shortage): string {
  return `${nameOf(path)} is ${String(limit)}, of which ${String(used)} are in use`;
}

/** As sysctl(8) spells it. */
function nameOf(path: string): string {
  return path.replaceAll('/', '.');
}
