import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { msToTs } from '@temporalio/common/lib/time.js';
import { connectClient } from './client-connection.js';
import type { ConnectionSettings } from './connection.js';

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
 */
export async function removeIncompleteDatabase(stateDir: string): Promise<void> {
  if (existsSync(completeMarker(stateDir))) return;
  for (const suffix of ['', '-journal', '-wal', '-shm'])
    await rm(`${databasePath(stateDir)}${suffix}`, { force: true });
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
