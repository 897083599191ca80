import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelledRemedy, TracewrightError } from '../domain/failure.js';
import { identifyProcess, isAlive, type ProcessIdentity } from './process-identity.js';

export interface LockOptions {
  /** How long to wait for a live holder, in milliseconds. @default 60000 */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
  /** Called once when somebody else holds it. */
  onWait?: ((holder: ProcessIdentity) => void) | undefined;
}

/** In milliseconds; between two looks at a lock that somebody holds. */
const pollMs = 25;

/**
 * Runs `fn` while this call alone holds the lock at `path`, across processes and within this one. A lock whose holder
 * has died is taken over at once.
 *
 * The lock is a folder with one empty file in it, whose name is its holder. That makes a takeover free of races:
 * the dead holder's mark is removed by its name, so nobody can remove a live one by mistake, and then a prepared folder
 * is renamed onto the empty one, which the kernel lets only one contender do (the others get ENOTEMPTY).
 * @throws TracewrightError `state.locked` that names the holder, `step.cancelled` when `signal` fires while it waits
 */
export async function withLock<T>(path: string, options: LockOptions, fn: () => Promise<T>): Promise<T> {
  const mark = await acquire(path, options);
  try {
    return await fn();
  } finally {
    await rm(join(path, mark), { force: true });
    // Fails when another contender has moved in already: then the folder is theirs.
    await rmdir(path).catch(() => undefined);
  }
}

async function acquire(path: string, { timeoutMs = 60_000, signal, onWait }: LockOptions): Promise<string> {
  const self = await identifyProcess(process.pid);
  if (!self) throw new Error('This process does not find itself under /proc.');
  const mark = `${String(self.pid)}-${self.startTime}-${randomBytes(4).toString('hex')}`;
  const prepared = `${path}.${mark}`;
  const deadline = Date.now() + timeoutMs;
  let waits = false;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await mkdir(prepared, { mode: 0o700 });
  try {
    await writeFile(join(prepared, mark), '', { mode: 0o600 });
    while (!(await moveInto(prepared, path))) {
      const holder = await liveHolder(path);
      if (!holder) continue;
      if (signal?.aborted) throw cancelled(path);
      if (Date.now() >= deadline) throw locked(path, holder, timeoutMs);
      if (!waits) onWait?.(holder);
      waits = true;
      await sleep(pollMs);
    }
    return mark;
  } catch (error) {
    await rm(prepared, { recursive: true, force: true });
    throw error;
  }
}

/** True when `prepared` became the lock: nobody had it, or what was left of a dead holder's was empty. */
async function moveInto(prepared: string, path: string): Promise<boolean> {
  try {
    await rename(prepared, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** The process that holds the lock; a dead holder's mark is removed, and so is what dead contenders left beside it. */
export async function liveHolder(path: string): Promise<ProcessIdentity | undefined> {
  for (const mark of await entries(path)) {
    const holder = holderOf(mark);
    if (await isAlive(holder)) return holder;
    await unlink(join(path, mark)).catch(ignoreMissing);
    await sweep(path);
  }
  return undefined;
}

async function sweep(path: string): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const name of await entries(dirname(path))) {
    if (!name.startsWith(prefix) || !/^\d+-\d+-[0-9a-f]{8}$/u.test(name.slice(prefix.length))) continue;
    if (await isAlive(holderOf(name.slice(prefix.length)))) continue;
    await rm(join(dirname(path), name), { recursive: true, force: true });
  }
}

async function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    ignoreMissing(error);
    return [];
  });
}

function holderOf(mark: string): ProcessIdentity {
  const [pid = '0', startTime = ''] = mark.split('-');
  return { pid: Number(pid), startTime };
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

function locked(path: string, holder: ProcessIdentity, timeoutMs: number): TracewrightError {
  return new TracewrightError({
    type: 'state.locked',
    message: `The process ${String(holder.pid)} has held the lock ${path} for longer than ${String(Math.round(timeoutMs / 1000))} s.`,
    remedy: `Wait until it is done, or look at it (ps ${String(holder.pid)}) and end it: the lock is free then.`,
  });
}

function cancelled(path: string): TracewrightError {
  return new TracewrightError({
    type: 'step.cancelled',
    message: `Waiting for the lock ${path} was cancelled.`,
    remedy: cancelledRemedy,
  });
}
