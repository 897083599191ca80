import { onTestFinished } from 'vitest';
import type { Config } from '../../src/config.js';
import { stopServer } from '../../src/temporal/server.js';
import { sharedCacheDir } from './cache.js';
import { testFolder } from './folder.js';

/** The configuration of a state folder of the test's own; an embedded server in it is stopped after the test. */
export async function serverConfig(): Promise<Config> {
  const stateDir = await testFolder();
  onTestFinished(() => stopServer({ stateDir }).then(() => undefined));
  return { stateDir, cacheDir: sharedCacheDir, logLevel: 'warn', environment: process.env };
}
