import { utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { environmentWorkflowId } from '../../src/domain/names.js';
import { connectClient } from '../../src/temporal/client-connection.js';
import { embeddedSettings } from '../../src/temporal/connection.js';
import { isServerQuiet, markServerUsed, untilIdle } from '../../src/temporal/idle-end.js';
import { serverPlace } from '../../src/temporal/server-process.js';
import { ensureServer, stopServer } from '../../src/temporal/server.js';
import { daemonRecordPath } from '../../src/tools/daemon.js';
import { serverConfig } from '../support/embedded-server.js';

const never = new AbortController().signal;
const quick = { intervalMs: 50, quietMs: 60_000, signal: never };

describe('an embedded server', { timeout: 60_000 }, () => {
  it('is idle once no environment lives and no command has used it for a while', async () => {
    const config = await serverConfig();
    const { address } = await ensureServer({ config });
    const connection = await connectClient(embeddedSettings(address));
    try {
      const client = new Client({ connection });
      const environment = await client.workflow.start('environment', {
        workflowId: environmentWorkflowId('demo'),
        taskQueue: 'nobody',
      });
      // The server's index is a moment late.
      await expect.poll(async () => (await client.workflow.count()).count, { timeout: 20_000 }).toBe(1);
      const seen: string[] = [];
      const idle = untilIdle(config, client, quick).then((it) => {
        seen.push('idle');
        return it;
      });
      await unusedForLong(config.stateDir);
      await sleep(1_000);
      await markServerUsed(config);
      await environment.terminate();
      await sleep(1_000);
      expect(seen).toEqual([]);
      await unusedForLong(config.stateDir);
      expect(await idle).toBe(true);
    } finally {
      await connection.close();
    }
  });

  it('is not waited for any more when the worker ends for another reason', async () => {
    const config = await serverConfig();
    const { address } = await ensureServer({ config });
    const connection = await connectClient(embeddedSettings(address));
    const ending = new AbortController();
    const idle = untilIdle(config, new Client({ connection }), { ...quick, signal: ending.signal });
    ending.abort();
    expect(await idle).toBe(false);
    await connection.close();
  });

  it('counts as unused once it was stopped', async () => {
    const config = await serverConfig();
    await ensureServer({ config });
    expect(await isServerQuiet(config)).toBe(false);
    await stopServer(config);
    expect(await isServerQuiet(config)).toBe(true);
  });
});

async function unusedForLong(stateDir: string): Promise<void> {
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(daemonRecordPath(serverPlace(stateDir)), longAgo, longAgo);
}
