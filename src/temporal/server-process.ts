import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { msToTs } from '@temporalio/common/lib/time.js';
import type { Config } from '../config.js';
import type { DaemonPlace, DaemonSpec } from '../tools/daemon.js';
import type { OnProgress } from '../tools/download-progress.js';
import { isListening } from '../tools/listening.js';
import { answers, connectClient } from './client-connection.js';
import { embeddedSettings, type ConnectionSettings } from './connection.js';
import { isPassingOutage } from './grpc-status.js';
import { defaultPorts, type PortPair } from './ports.js';
import { searchAttributeNames } from './search-attributes.js';

export interface EnsureServerOptions {
  readonly config: Pick<Config, 'stateDir' | 'cacheDir' | 'environment'>;
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Start one where none runs, and end none, not even one that hangs. @default false */
  readonly keepRunning?: boolean;
  /** In milliseconds: a live server that does not answer for so long is replaced. @default 15000 */
  readonly hangTimeoutMs?: number;
}

/** What the server's record remembers of it. */
export type ServerData = DaemonSpec['data'];

/** How long one question to a live server may take, in milliseconds. */
export const answerTimeoutMs = 2_000;

/** Changes whenever the server must be started in another way: then a running one is replaced. */
export const serverVersion = createHash('sha256')
  .update(`1 ${searchAttributeNames.join(' ')}`)
  .digest('hex')
  .slice(0, 16);

export function serverPlace(stateDir: string): DaemonPlace {
  return { folder: serverFolder(stateDir), name: 'server' };
}

/** How the embedded server is started: SQLite in the state folder, loopback only, our search attributes. */
export function serverSpec(
  options: EnsureServerOptions,
  program: string,
  { port, uiPort }: PortPair,
): DaemonSpec {
  const { stateDir, environment } = options.config;
  const attributes = searchAttributeNames.flatMap((name) => ['--search-attribute', `${name}=Keyword`]);
  return {
    ...serverPlace(stateDir),
    program,
    args: [
      ...[
        'server',
        'start-dev',
        '--ip',
        '127.0.0.1',
        '--port',
        String(port),
        '--ui-ip',
        '127.0.0.1',
        '--ui-port',
        String(uiPort),
      ],
      ...[
        '--db-filename',
        databasePath(stateDir),
        '--log-level',
        'warn',
        '--ui-disable-news-fetch',
        ...attributes,
      ],
    ],
    version: serverVersion,
    data: { port, uiPort },
    // Not the whole environment: TEMPORAL_* variables are meant for other commands of the same program.
    env: {
      PATH: environment['PATH'],
      HOME: environment['HOME'],
      TMPDIR: environment['TMPDIR'],
      TZ: environment['TZ'],
      // For one machine's environments there is little to collect: it uses a fifth less memory.
      GOGC: '50',
    },
    umask: 0o077,
    prepare: () => removeIncompleteDatabase(stateDir),
    // Two state folders may choose the same ports at the same moment: one server gets them, and both ports answer.
    isReady: async ({ pid, data }) =>
      (await isListening(pid, serverPorts(data).port)) && servesFor(stateDir, data),
    readyTimeoutMs: 60_000,
    hangTimeoutMs: options.hangTimeoutMs ?? 15_000,
    graceMs: 5_000,
    failure: {
      type: 'temporal.not-starting',
      what: 'The embedded Temporal server',
      remedy:
        'Look at its last lines and run the command again, or use a server of your own (TEMPORAL_ADDRESS).',
    },
    keepRunning: options.keepRunning ?? false,
    signal: options.signal,
  };
}

/** Whether it answers; after true its address may be given away. */
export async function servesFor(stateDir: string, data: ServerData): Promise<boolean> {
  if (!(await serves(data))) return false;
  try {
    await completeDatabase(stateDir, embeddedSettings(serverAddress(data)));
    return true;
  } catch (error) {
    // It died right after its first answer: whoever waits for it finds out how.
    if (isPassingOutage(error)) return false;
    throw error;
  }
}

export async function serves(data: ServerData): Promise<boolean> {
  return answers(embeddedSettings(serverAddress(data)), answerTimeoutMs);
}

export function serverPorts(data: ServerData): PortPair {
  const [port, uiPort] = [data?.['port'], data?.['uiPort']];
  return typeof port === 'number' && typeof uiPort === 'number' ? { port, uiPort } : defaultPorts;
}

export function serverAddress(data: ServerData): string {
  return `127.0.0.1:${String(serverPorts(data).port)}`;
}

/** How long the history of closed workflows is kept; the server's own default is one day. In milliseconds: 90 days. */
const retentionMs = 90 * 24 * 60 * 60 * 1000;

/** The folder of the embedded server's record, log and database. */
export const serverFolder = (stateDir: string): string => join(stateDir, 'temporal');

export const databasePath = (stateDir: string): string => join(serverFolder(stateDir), 'temporal.db');

/**
 * Exists once a server has served with this database. Temporal makes its tables over 250 ms and only when there is no
 * file: a server killed in that time leaves a file with which no server starts any more, or one that lacks tables.
 */
const completeMarker = (stateDir: string): string => join(serverFolder(stateDir), 'temporal.db.complete');

/**
 * Removes a database whose making was cut off. Nobody was given the address of a server with it, so it holds nothing.
 * Where the file was deleted, the marker is about another one: the next one needs what a new database needs.
 */
export async function removeIncompleteDatabase(stateDir: string): Promise<void> {
  if (isDatabaseComplete(stateDir)) return;
  await rm(completeMarker(stateDir), { force: true });
  for (const suffix of ['', '-journal', '-wal', '-shm'])
    await rm(`${databasePath(stateDir)}${suffix}`, { force: true });
}

/** Whether a server has served with the database, and it has all that it needs. */
export function isDatabaseComplete(stateDir: string): boolean {
  return existsSync(completeMarker(stateDir)) && existsSync(databasePath(stateDir));
}

/** To be called before the address of a serving server is given away: sets what a new database needs, once. */
export async function completeDatabase(stateDir: string, settings: ConnectionSettings): Promise<void> {
  if (existsSync(completeMarker(stateDir))) return;
  const connection = await connectClient(settings);
  try {
    await connection.workflowService.updateNamespace({
      namespace: settings.namespace,
      config: { workflowExecutionRetentionTtl: msToTs(retentionMs) },
    });
  } finally {
    await connection.close();
  }
  await writeFile(completeMarker(stateDir), '', { mode: 0o600 });
}
