import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { metricsOff } from '../metrics-address.js';
import type { ConnectionSettings } from './connection.js';

/**
 * Changes with the contents of the built files with the connection (by digest only: it may hold an API key) and with
 * the address of the metrics. About 15 ms.
 */
export async function workerVersion(
  entry: string,
  connection: ConnectionSettings,
  metrics: string | undefined,
): Promise<string> {
  const hash = createHash('sha256');
  const folder = dirname(entry);
  const files = (await readdir(folder, { recursive: true }))
    .filter((name) => name.endsWith('.js'))
    .toSorted();
  for (const name of files) hash.update(name).update(await readFile(join(folder, name)));
  hash.update(JSON.stringify([connection, metrics ?? metricsOff])).update(process.version);
  return hash.digest('hex').slice(0, 16);
}
