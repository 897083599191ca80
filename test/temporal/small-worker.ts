/** A real process in the place of the worker: says that it is ready, and ends on SIGTERM as a worker does. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config.js';
import { markWorkerReady } from '../../src/temporal/worker-process.js';

const stateDir = process.env['TRACEWRIGHT_STATE_DIR'] ?? '';
process.once('SIGTERM', () => {
  void writeFile(join(stateDir, 'stopped-gracefully'), '').then(() => process.exit(0));
});
setInterval(() => undefined, 1_000);
await markWorkerReady(loadConfig());
