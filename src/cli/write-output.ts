import { access, constants, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TracewrightError } from '../domain/failure.js';

/**
 * Writes a file that a person asked for, readable by its owner alone (0600): all of it or, when that fails, none.
 * @param force whether to write over one that is there
 * @throws TracewrightError `output.exists`, `output.unwritable`; the reason of `signal` when that fires
 */
export async function writeOutput(
  path: string,
  content: string | Uint8Array,
  force: boolean,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  try {
    const file = await open(path, force ? 'w' : 'wx', 0o600);
    try {
      await writeAll(file, path, content, signal);
    } finally {
      await file.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw outputFailure(path, error);
  }
}

async function writeAll(
  file: FileHandle,
  path: string,
  content: string | Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Not a device or a pipe, which also may be named.
  const isFile = (await file.stat()).isFile();
  try {
    // One that was there keeps its mode otherwise.
    if (isFile) await file.chmod(0o600);
    await file.writeFile(content, { signal });
  } catch (error) {
    // Half an archive looks like a whole one.
    if (isFile) await rm(path, { force: true });
    throw error;
  }
}

/**
 * For what takes long to make: finds out beforehand whether it could be written.
 * @throws TracewrightError `output.exists`, `output.unwritable`
 */
export async function requireOutput(path: string, force: boolean): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there && !force) throw outputFailure(path, { code: 'EEXIST' });
  await access(there ? path : dirname(path), constants.W_OK).catch((error: unknown) => {
    throw outputFailure(path, error);
  });
}

function outputFailure(path: string, error: unknown): TracewrightError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') {
    return new TracewrightError({
      type: 'output.exists',
      message: `There is a file ${path} already.`,
      remedy: 'Choose another name, or write over it with --force.',
      cause: error,
    });
  }
  return new TracewrightError({
    type: 'output.unwritable',
    message: `The file ${path} cannot be written: ${String(code)}.`,
    remedy: 'Choose a path in a folder that exists and that you may write into.',
    cause: error,
  });
}
