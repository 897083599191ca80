import { loadConfig } from '../../src/config.js';

/** The machine's own cache folder: tests share it, so that a tool is downloaded once a machine and not once a test. */
export const sharedCacheDir = loadConfig().cacheDir;
