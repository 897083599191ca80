import { expect, test } from 'vitest';
import type { Check } from '../../src/domain/check.js';
import { builtInStacks } from '../../src/cli/stack-sources.js';
import { loadStack } from '../../src/stack-file.js';
import { preflight } from '../../src/targets/preflight.js';
import { sharedCacheDir } from '../support/cache.js';
import { testFolder } from '../support/folder.js';

const checksOf = async (stackName: string): Promise<Check[]> => {
  const { stack } = await loadStack(stackName, { builtInDir: builtInStacks });
  const folders = { stateDir: await testFolder(), cacheDir: sharedCacheDir, environment: process.env };
  return await preflight(folders, 'it', { stack, target: { kind: 'embedded' } });
};

test.each(['tutorial', 'current'])(
  '%s: nothing listens where k3s would, and how one gets there',
  async (name) => {
    expect((await checksOf(name)).find((it) => it.name === 'load balancer')).toMatchObject({
      state: 'warning',
      detail: expect.stringMatching(/8080 and 8443.*k3s/u) as string,
      remedy: expect.stringContaining('tracewright open') as string,
    });
  },
);

test('a stack that publishes nothing is warned of nothing', async () => {
  expect((await checksOf('embedded')).map((it) => it.name)).not.toContain('load balancer');
});
