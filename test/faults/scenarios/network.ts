import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureServer, stopServer } from '../../../src/temporal/server.js';
import { sharedCacheDir } from '../../support/cache.js';
import type { Bed } from '../bed.js';
import { isRunning, reach, stateOf, type StepName } from '../moments.js';
import { startProxy, type Proxy } from '../../support/proxy.js';
import type { Blow, Scenario } from '../scenario.js';

let cable: Proxy | undefined;

/** A server of one's own, which worker and commands reach over a cable that can be cut. */
async function overCable(): ReturnType<NonNullable<Scenario['options']>> {
  const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-server-'));
  const config = { stateDir, cacheDir: sharedCacheDir, environment: process.env };
  const { address } = await ensureServer({ config });
  const proxy = await startProxy(address);
  cable = proxy;
  return {
    bed: { env: { TEMPORAL_ADDRESS: proxy.address } },
    close: async () => {
      await proxy.close();
      await stopServer({ stateDir });
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** @param outageMs longer than the heartbeat timeout of 12 s, and the running activities count as lost */
async function cutDuring(bed: Bed, step: StepName, outageMs: number): Promise<Blow> {
  bed.follow();
  await reach(bed, step, 'middle');
  cable?.cut();
  await sleep(outageMs);
  cable?.mend();
  const recoveredMs = await bed.until(`${step} to go on`, async () => {
    bed.follow();
    const snapshot = await bed.look();
    return isRunning(snapshot, step) || stateOf(snapshot, step) === 'done';
  });
  return { what: `TCP cut for ${String(outageMs / 1_000)} s, ${step} at its middle`, recoveredMs };
}

export const network: readonly Scenario[] = [
  {
    name: 'network',
    options: overCable,
    play: async (bed, dealt) => {
      dealt(await cutDuring(bed, 'cluster', 1_000));
      dealt(await cutDuring(bed, 'cert-manager', 20_000));
      dealt(await cutDuring(bed, 'operator', 3_000));
    },
  },
];
