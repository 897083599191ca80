import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findByVariable, type ProcessIdentity } from './process-identity.js';

/** Which background process: `<folder>/<name>.json` is its record, `<name>.log` its output, `<name>.lock` its lock. */
export interface DaemonPlace {
  /** Absolute; made with mode 0700. */
  readonly folder: string;
  readonly name: string;
}

export interface DaemonRecord extends ProcessIdentity {
  readonly program: string;
  readonly args: readonly string[];
  /** What it was started from; a process of another version is replaced. */
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** What its users want to know again: ports, addresses. No secrets. */
  readonly data: Readonly<Record<string, string | number>>;
}

/**
 * `nonce` stands in the environment of the process too. It is written before the process exists, with pid 0: a process
 * whose starter was killed before it could write the pid is found by it, and not started a second time.
 */
export interface StoredRecord extends DaemonRecord {
  readonly nonce: string;
}

/** The variable that carries the nonce. */
export const daemonMarker = 'TRACEWRIGHT_DAEMON';

/** The pid of a process that is about to be started. */
export const notYetStarted = 0;

export const daemonRecordPath = ({ folder, name }: DaemonPlace): string => join(folder, `${name}.json`);

/** `undefined` when there is none, or when a switched-off machine left half of one. */
export async function readRecord(place: DaemonPlace): Promise<StoredRecord | undefined> {
  try {
    return JSON.parse(await readFile(daemonRecordPath(place), 'utf8')) as StoredRecord;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof SyntaxError || code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Whole or not at all. */
export async function writeRecord(place: DaemonPlace, record: StoredRecord): Promise<void> {
  const temporary = `${daemonRecordPath(place)}.tmp`;
  await writeFile(temporary, JSON.stringify(record, undefined, 2), { mode: 0o600 });
  await rename(temporary, daemonRecordPath(place));
}

/**
 * The process that was started with this record. The environment alone does not tell it from its children, which
 * inherit it; those have other arguments.
 */
export async function findByNonce({ nonce, args }: StoredRecord): Promise<ProcessIdentity | undefined> {
  for (const identity of await findByVariable(daemonMarker, nonce)) {
    const commandLine = await readFile(`/proc/${String(identity.pid)}/cmdline`, 'utf8').catch(() => '');
    if (args.length === 0 || commandLine.endsWith(`\0${args.join('\0')}\0`)) return identity;
  }
  return undefined;
}
