import { writeFile } from 'node:fs/promises';
import { TracewrightError } from '../domain/failure.js';

/**
 * Writes a file that a person asked for, readable by its owner alone (0600).
 * @param force whether to write over one that is there
 * @throws TracewrightError `output.exists`, `output.unwritable`
 */
export async function writeOutput(path: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o600, flag: force ? 'w' : 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      throw new TracewrightError({
        type: 'output.exists',
        message: `There is a file ${path} already.`,
        remedy: 'Choose another name, or write over it with --force.',
        cause: error,
      });
    }
    throw new TracewrightError({
      type: 'output.unwritable',
      message: `The file ${path} cannot be written: ${String(code)}.`,
      remedy: 'Choose a path in a folder that exists and that you may write into.',
      cause: error,
    });
  }
}
