import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { ask } from '../../src/cli/ask.js';
import type { CliContext } from '../../src/cli/context.js';
import { openExistingSession, openSession } from '../../src/cli/session.js';
import { loadConfig, type Config } from '../../src/config.js';
import { embeddedSettings } from '../../src/temporal/connection.js';
import { observeServer, stopServer } from '../../src/temporal/server.js';
import { observeWorker, stopWorker, workerPlace } from '../../src/temporal/worker-process.js';
import { sharedCacheDir } from '../support/cache.js';
import { recordingContext } from './support.js';

let config: Config;
let folder: string;

const contextWith = (signal: AbortSignal): CliContext => ({
  ...recordingContext().context,
  config,
  signal,
  interrupted: signal,
});
const never = (): AbortSignal => new AbortController().signal;
const place = (): ReturnType<typeof workerPlace> => workerPlace(config.stateDir, embeddedSettings(''));
const pids = async (): Promise<unknown[]> => {
  const [server, worker] = [await observeServer(config), await observeWorker(place())];
  return [server?.state, server?.pid, worker?.running, worker?.pid];
};

describe('an interrupted command', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tracewright-test-'));
    config = loadConfig({
      PATH: process.env['PATH'],
      HOME: folder,
      TRACEWRIGHT_STATE_DIR: join(folder, 'state'),
      TRACEWRIGHT_CACHE_DIR: sharedCacheDir,
    });
    await (await openSession(contextWith(never()))).close();
  });

  afterAll(async () => {
    await stopWorker(place());
    await stopServer(config);
    await rm(folder, { recursive: true });
  });

  it.each([
    ['up', openSession],
    ['status', openExistingSession],
  ])('ends neither server nor worker at any moment of opening a session, as %s does', async (_as, open) => {
    const before = await pids();
    let interrupted = 0;
    for (let delay = 0; delay <= 300; delay += 15) {
      const opened = await open(contextWith(AbortSignal.timeout(delay))).catch((error: unknown) => error);
      if (opened instanceof Error) {
        interrupted += 1;
        expect(opened).toMatchObject({ type: 'step.cancelled' });
      } else await (opened as { close(): Promise<void> }).close();
      expect(await pids()).toEqual(before);
    }
    expect(interrupted).toBeGreaterThan(0);
  });

  it('ends neither of them while it asks, or asks again', async () => {
    const before = await pids();
    for (const delay of [1, 100, 400, 700, 1_000]) {
      const controller = new AbortController();
      const context = contextWith(controller.signal);
      const session = await openSession(contextWith(never()));
      setTimeout(() => {
        controller.abort();
      }, delay);
      const outage = Object.assign(new Error('gone'), { code: 14, details: '', metadata: {} });
      // Fails at first, so that the session is revived, and then never answers.
      let asked = 0;
      const asking = ask(context, session, async () => {
        asked += 1;
        if (asked === 1) throw outage;
        await session.client.workflowService.pollWorkflowTaskQueue({
          namespace: 'default',
          taskQueue: { name: 'nobody' },
        });
      });
      await expect(asking).rejects.toThrow();
      await sleep(50);
      await session.close();
      expect(await pids()).toEqual(before);
    }
  });
});
