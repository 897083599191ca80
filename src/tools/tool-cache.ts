import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TracewrightError } from '../domain/failure.js';
import { followDownload, type ExpectedDownload, type OnProgress } from './download-progress.js';
import { withLock } from './lock.js';
import type { FilePin } from './tool-pins.js';

export interface CachedTools {
  /** Absolute; appears whole or not at all. */
  readonly folder: string;
  /** The executables in it. */
  readonly files: Readonly<Record<string, FilePin>>;
  /** Puts the files into an empty folder; what else it leaves there is removed. */
  readonly fetchInto: (folder: string) => Promise<void>;
  /** The file that `fetchInto` fetches into the folder, or into one below it. */
  readonly download: ExpectedDownload;
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a file was when it was hashed: as long as this is the same, it is not read again. */
interface Seal {
  readonly size: number;
  readonly modifiedMs: number;
  readonly inode: number;
  readonly sha256: string;
}

/**
 * Makes sure that the folder holds the executables with the pinned contents: fetched once, under a lock, published by
 * one rename. Later calls look at size, time and inode only (about 1 ms); a file that was changed is hashed and, when
 * it is not the pinned one, fetched again.
 * @throws TracewrightError `download.checksum-mismatch`, `state.disk-full`, `state.unwritable`, and what `fetchInto`
 * throws
 */
export async function ensureCachedTools(tools: CachedTools): Promise<void> {
  if (await isWhole(tools)) return;
  const partial = `${tools.folder}.partial`;
  const limits = { timeoutMs: 15 * 60_000, signal: tools.signal };
  try {
    await followDownload({ ...tools.download, folder: partial }, tools.onProgress, () =>
      withLock(`${tools.folder}.lock`, limits, async () => {
        if (!(await isWhole(tools))) await fetchAnew(tools, partial);
      }),
    );
  } catch (error) {
    throw folderFailure(tools.folder, error);
  }
}

async function fetchAnew(tools: CachedTools, partial: string): Promise<void> {
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  try {
    await tools.fetchInto(partial);
    for (const [name, pin] of Object.entries(tools.files)) await verify(join(partial, name), pin);
    await keepOnly(partial, Object.keys(tools.files));
    await rm(tools.folder, { recursive: true, force: true });
    await rename(partial, tools.folder);
    await sealAll(tools);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Whether the folder holds the executables with the pinned contents. Fetches and writes nothing. */
export async function areCached(tools: Pick<CachedTools, 'folder' | 'files'>): Promise<boolean> {
  return isWhole(tools, { seal: false });
}

/** @param seal whether a file that had to be hashed is remembered */
async function isWhole(
  { folder, files }: Pick<CachedTools, 'folder' | 'files'>,
  { seal: remember = true }: { seal?: boolean } = {},
): Promise<boolean> {
  const checks = Object.entries(files).map(async ([name, pin]) => {
    const path = join(folder, name);
    const now = await describe(path, pin.sha256);
    if (!now || now.size !== pin.size) return false;
    const seal = await readFile(sealPath(folder, name), 'utf8').catch(() => '');
    if (seal === JSON.stringify(now)) return true;
    if ((await sha256File(path)) !== pin.sha256) return false;
    if (remember)
      await writeFile(sealPath(folder, name), JSON.stringify(now), { mode: 0o600 }).catch(() => undefined);
    return true;
  });
  return (await Promise.all(checks)).every(Boolean);
}

async function verify(path: string, pin: FilePin): Promise<void> {
  const actual = await sha256File(path);
  if (actual !== pin.sha256) throw checksumMismatch(path, `sha256:${pin.sha256}`, `sha256:${actual}`);
  await chmod(path, 0o755);
}

/** Removes what the download left beside the executables. */
async function keepOnly(folder: string, names: readonly string[]): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!names.includes(name)) await rm(join(folder, name), { recursive: true });
  }
}

async function sealAll({ folder, files }: CachedTools): Promise<void> {
  for (const [name, { sha256 }] of Object.entries(files)) {
    await writeFile(sealPath(folder, name), JSON.stringify(await describe(join(folder, name), sha256)), {
      mode: 0o600,
    });
  }
}

const sealPath = (folder: string, name: string): string => join(folder, `.${name}.verified.json`);

async function describe(path: string, sha256: string): Promise<Seal | undefined> {
  const file = await stat(path).catch(() => undefined);
  return file && { size: file.size, modifiedMs: file.mtimeMs, inode: file.ino, sha256 };
}

async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** The failure of a download that is whole, but not the pinned file. */
export function checksumMismatch(what: string, expected: string, actual: string): TracewrightError {
  return new TracewrightError({
    type: 'download.checksum-mismatch',
    message: `${what} does not have the pinned contents: expected ${expected}, got ${actual}.`,
    remedy:
      'Try again. If it stays so, your package index or proxy serves another file under this name: nothing of it was used.',
  });
}

function folderFailure(folder: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const remedy = 'Make room (about 500 MB), or set TRACEWRIGHT_CACHE_DIR to a folder on another disk.';
    return new TracewrightError({
      type: 'state.disk-full',
      message: `There is no room left for ${folder}.`,
      remedy,
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR') {
    const remedy =
      'Give yourself the right to write it, or set TRACEWRIGHT_CACHE_DIR to a folder that you own.';
    return new TracewrightError({
      type: 'state.unwritable',
      message: `${folder} cannot be written (${code}).`,
      remedy,
      cause: error,
    });
  }
  return error;
}
