import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { TracewrightError } from '../domain/failure.js';

export interface WritableFolderOptions {
  /** For messages: "state". */
  readonly what: string;
  /** The variable that puts it elsewhere. */
  readonly variable: string;
  /** Free bytes that it must have at the least. */
  readonly roomBytes: number;
}

/** Room for the Temporal database (0.8 MB after an install, measured), its journal and the logs. */
export const stateFolder: WritableFolderOptions = {
  what: 'state',
  variable: 'TRACEWRIGHT_STATE_DIR',
  roomBytes: 16 * 2 ** 20,
};

/** Where everything is downloaded and built already nothing is written: room is asked for by who needs it. */
export const cacheFolder: WritableFolderOptions = {
  what: 'cache',
  variable: 'TRACEWRIGHT_CACHE_DIR',
  roomBytes: 0,
};

/**
 * Makes a folder (0700) where there is none, and makes sure that files can be written into it.
 * @throws TracewrightError `state.disk-full`, `state.unwritable`
 */
export async function requireWritable(folder: string, options: WritableFolderOptions): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (error) {
    throw explain(folder, options, error);
  }
  await tryWriting(folder, folder, options);
}

/**
 * Whether `requireWritable` would succeed. Leaves nothing behind: where the folder is missing, a file is made and
 * removed in the one that it would be made in.
 * @returns the free bytes of its disk
 * @throws TracewrightError as `requireWritable`
 */
export async function checkWritable(folder: string, options: WritableFolderOptions): Promise<number> {
  return tryWriting(folder, await nearestExisting(folder), options);
}

/**
 * A new folder, which only this user may enter, for what is needed for a while. Who made it removes it.
 * @param prefix of its name
 * @param parent @default where the user keeps such (TMPDIR)
 * @throws TracewrightError `state.disk-full`, `state.unwritable`
 */
export async function temporaryFolder(prefix: string, parent = tmpdir()): Promise<string> {
  try {
    return await mkdtemp(join(parent, prefix));
  } catch (error) {
    throw explain(parent, { what: 'temporary', variable: 'TMPDIR', roomBytes: 0 }, error);
  }
}

/** @param where an existing folder on the same disk. @returns the free bytes */
async function tryWriting(folder: string, where: string, options: WritableFolderOptions): Promise<number> {
  // A name of its own: two commands at once must not remove each other's.
  const probe = join(where, `.tracewright-writable-${randomBytes(4).toString('hex')}`);
  try {
    await writeFile(probe, 'x', { mode: 0o600 });
    await rm(probe, { force: true });
    const { bavail, bsize } = await statfs(where);
    if (bavail * bsize < options.roomBytes) throw full(folder, options, bavail * bsize);
    return bavail * bsize;
  } catch (error) {
    await rm(probe, { force: true }).catch(() => undefined);
    throw explain(folder, options, error);
  }
}

/** The folder itself, or the nearest one above it that exists. */
export async function nearestExisting(folder: string): Promise<string> {
  const exists = await stat(folder).then(
    () => true,
    () => false,
  );
  return exists || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}

/** Not `recursive`: Node tries for ever where a file system says ENOENT to every mkdir, as /proc does. */
async function makeFolder(folder: string): Promise<void> {
  if ((await nearestExisting(folder)) === folder) return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
}

function explain(folder: string, options: WritableFolderOptions, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') return full(folder, options, 0, error);
  return new TracewrightError({
    type: 'state.unwritable',
    message: `The ${options.what} folder ${folder} cannot be written (${code}).`,
    remedy: `Set ${options.variable} to a folder that you own, on a disk with room.`,
    cause: error,
  });
}

function full(
  folder: string,
  { what, variable, roomBytes }: WritableFolderOptions,
  free: number,
  cause?: unknown,
): TracewrightError {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const needed = roomBytes === 0 ? '' : `; at least ${mib(roomBytes)} are needed`;
  return new TracewrightError({
    type: 'state.disk-full',
    message: `The disk of the ${what} folder ${folder} is full: ${mib(free)} are free${needed}.`,
    remedy: `Make room, or set ${variable} to a folder on a disk with room.`,
    cause,
  });
}
