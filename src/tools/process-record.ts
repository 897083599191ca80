import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { findByVariable, type ProcessIdentity } from './process-identity.js';

/**
 * A record on disk of processes that outlive us, or that we may leave behind. The processes carry a mark in their
 * environment, and the record is written before they exist: should their starter be killed before it could write a pid
 * down, they are found by the mark.
 */
export interface ProcessMark {
  /** The variable that carries the mark. */
  readonly variable: string;
  readonly value: string;
}

/** `undefined` when there is none, or when a power cut left half of one: then no process is left either. */
export async function readRecord<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof SyntaxError || code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Of a file name: a record that is being written, or whose writer was killed over it. */
export const unfinished = '.tmp';

/**
 * Whole or not at all, mode 0600. Without waiting, so that nothing of this process can come between the start of a
 * program and its record.
 */
export function writeRecord(path: string, record: object): void {
  const begun = `${path}${unfinished}`;
  try {
    writeFileSync(begun, JSON.stringify(record, undefined, 2), { mode: 0o600 });
    renameSync(begun, path);
  } catch (error) {
    // On a full disk it has a name and nothing in it.
    rmSync(begun, { force: true });
    throw error;
  }
}

/**
 * The live processes with the mark; their children inherit it.
 * @param args only those whose command line ends with these: tells the process from its children
 */
export async function findMarked(
  { variable, value }: ProcessMark,
  args: readonly string[] = [],
): Promise<ProcessIdentity[]> {
  const marked = await findByVariable(variable, value);
  if (args.length === 0) return marked;
  const matches = await Promise.all(
    marked.map(async ({ pid }) => {
      const commandLine = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
      return commandLine.endsWith(`\0${args.join('\0')}\0`);
    }),
  );
  return marked.filter((_, index) => matches[index]);
}
