import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ToolSource } from './find-program.js';
import { readRecord, unfinished, writeRecord } from './process-record.js';

/**
 * What this machine keeps of an environment besides its cluster: logs of tools, homes of helm, records of attempts, and
 * the variables of the shell that wanted something of it last.
 */
export function environmentFolder(stateDir: string, environment: string): string {
  return join(stateDir, 'environments', environment);
}

/** Of an environment's folder: what helm and other tools said, one log for each component. */
export function logFolder(folder: string): string {
  return join(folder, 'logs');
}

/** Of an environment's folder: the claims of running attempts. */
export function processFolder(folder: string): string {
  return join(folder, 'processes');
}

/**
 * Removes an environment's folder after its teardown. Claims of attempts that run all the same (a server that was away
 * may have started another one) stay, and the folder with them: that attempt removes it at its own end. A claim that was
 * never written to its end is nobody's.
 */
export async function forgetEnvironment(folder: string): Promise<void> {
  const claims = await readdir(processFolder(folder)).catch(() => []);
  const halves = claims.filter((name) => name.endsWith(unfinished));
  for (const part of [
    ...[logFolder(folder), helmHomes(folder), shellFile(folder), `${shellFile(folder)}${unfinished}`],
    ...halves.map((name) => join(processFolder(folder), name)),
  ])
    await rm(part, { recursive: true, force: true });
  for (const part of [processFolder(folder), folder]) {
    try {
      await rmdir(part);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
    }
  }
}

/** Of an environment's folder: where helm keeps caches and settings, one home for each release. */
export function helmHomes(folder: string): string {
  return join(folder, 'helm');
}

type Variables = ToolSource['environment'];

/** What leads to the Temporal server and to our own folders is the worker's, whoever asks it for something. */
const ofTheWorker = /^(?:TEMPORAL|TRACEWRIGHT)_/u;

/**
 * Keeps the variables of the shell that wants something of the environment: credentials, proxies and PATH go with what
 * it asks for, and not through Temporal. Mode 0600; removed with the environment.
 */
export async function keepShell(folder: string, variables: Variables): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const shells = Object.entries(variables).filter(([name]) => !ofTheWorker.test(name));
  writeRecord(shellFile(folder), Object.fromEntries(shells));
}

/**
 * The variables for the programs of an environment: of the shell that wanted something of it last, in place of the
 * worker's, which are those of whoever started it.
 * @param worker what counts where no shell was kept, as on another machine; what the shell lacks of it is `undefined`
 */
export async function shellOf(folder: string, worker: Variables): Promise<Variables> {
  const kept = await readRecord<Variables>(shellFile(folder));
  if (!kept) return worker;
  const own = Object.entries(worker).map(([name, value]) => [
    name,
    ofTheWorker.test(name) ? value : undefined,
  ]);
  return { ...(Object.fromEntries(own) as Variables), ...kept };
}

function shellFile(folder: string): string {
  return join(folder, 'shell.json');
}
