import { access, constants, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TracewrightError } from '../domain/failure.js';

/**
 * Writes a file that a person asked for, readable by its owner alone (0600).
 * @param force whether to write over one that is there
 * @throws TracewrightError `output.exists`, `output.unwritable`
 */
export async function writeOutput(path: string, content: string | Uint8Array, force: boolean): Promise<void> {
  try {
    const file = await open(path, force ? 'w' : 'wx', 0o600);
    try {
      // One that was there keeps its mode otherwise.
      if ((await file.stat()).isFile()) await file.chmod(0o600);
      await file.writeFile(content);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw outputFailure(path, error);
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
