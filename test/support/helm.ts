import { execFileSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { createHelm, type Helm } from '../../src/tools/helm/helm.js';
import { provideHelm } from '../../src/tools/helm-binary.js';
import type { ApiServer } from './api-server.js';
import { sharedCacheDir } from './cache.js';

export interface TestHelm {
  readonly binary: string;
  /** Such as `v4.1.4`. */
  readonly version: string;
}

/**
 * The helms to test with: those of TRACEWRIGHT_TEST_HELM (paths, separated as in PATH), else the one that Tracewright
 * would use. Never empty: a machine that can have none fails its tests with the reason.
 */
export const testHelms: readonly TestHelm[] = await findHelms();

async function findHelms(): Promise<TestHelm[]> {
  const named = (process.env.TRACEWRIGHT_TEST_HELM ?? '').split(delimiter).filter((path) => path !== '');
  const binaries =
    named.length > 0
      ? named
      : [(await provideHelm({ cacheDir: sharedCacheDir, environment: process.env })).path];
  return binaries.map((binary) => ({
    binary,
    version: execFileSync(binary, ['version', '--template', '{{.Version}}'], { encoding: 'utf8' }).trim(),
  }));
}

/** For this API server, with a home of its own. */
export function helmOf({ folder, kubeconfigPath }: ApiServer, { binary, version }: TestHelm): Helm {
  return createHelm({ binary, homeDir: join(folder, 'helm', version), kubeconfigPath });
}
