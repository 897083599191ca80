import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { applySpec, queryProgress } from '../../src/cli/environments.js';
import { hostTaskQueue, searchAttributes, sharedTaskQueue } from '../../src/domain/names.js';
import type { Phase } from '../../src/domain/progress.js';
import { ensureServer, stopServer } from '../../src/temporal/server.js';
import { sharedCacheDir } from '../support/cache.js';
import { findChromium, startChromium } from '../support/chromium.js';
import { fail, ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import { WebUi } from '../support/web-ui.js';
import { workflowBundle } from '../support/workflow-bundle.js';

/**
 * What somebody learns who opens nothing but the Temporal Web UI: its real pages, of the server that we start, in a
 * real browser, over the real workflow. Only the steps are scripted.
 */
const executable = await findChromium();
if (executable === undefined)
  console.warn('The Temporal Web UI is NOT tested: there is no Chromium on this machine.');

const stateDir = mkdtempSync(join(tmpdir(), 'tracewright-test-'));
const hostId = 'web-ui';
/** How long something may take to be seen. */
const seen = { timeout: 60_000, interval: 100 };
/** In which phase each environment of the test stays. */
const phases = { running: 'Provisioning', stuck: 'Blocked', fine: 'Ready' } as const satisfies Record<
  string,
  Phase
>;

let ui: WebUi;
/** Of what has been started, the last first. */
const cleanUps: (() => Promise<unknown>)[] = [];

Runtime.install({ logger: new DefaultLogger('ERROR') });

/** What steps do, by the name of the environment. */
function scriptedSteps(): ScriptedActivities {
  const of = (): string => Context.current().info.workflowExecution?.workflowId ?? '';
  return new ScriptedActivities()
    .on('tempo', async (attempt) => {
      if (of() !== 'environment-running') return;
      if (attempt === 1) fail('ready.image-pull', 'The image tempo:2.0.0 cannot be pulled: 429.');
      const context = Context.current();
      const timer = setInterval(() => {
        context.heartbeat({ live: { text: 'tempo: pods 0/1', percent: 41 }, processes: [] });
      }, 100);
      await context.cancelled.finally(() => {
        clearInterval(timer);
      });
    })
    .on('operator', () => {
      if (of() === 'environment-stuck') fail('ready.crash-loop', 'The container "manager" keeps crashing.');
    });
}

/** Starts the workers of all environments. */
async function startWorkers(address: string): Promise<void> {
  const connection = await NativeConnection.connect({ address });
  cleanUps.unshift(() => connection.close());
  const { activities } = scriptedSteps();
  const common = { connection, activities, maxHeartbeatThrottleInterval: '100ms' } as const;
  for (const options of [
    { taskQueue: sharedTaskQueue, workflowBundle: await workflowBundle() },
    { taskQueue: hostTaskQueue(hostId) },
  ]) {
    const worker = await Worker.create({ ...common, ...options });
    const running = worker.run();
    cleanUps.unshift(() => {
      worker.shutdown();
      return running;
    });
  }
}

/** Starts the environments and waits until each is in its phase. */
async function startEnvironments(address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  for (const [name, phase] of Object.entries(phases)) {
    await applySpec(client, name, spec(), hostId);
    await vi.waitFor(async () => {
      expect((await queryProgress(client, name)).phase).toBe(phase);
    }, seen);
  }
  await connection.close();
}

beforeAll(async () => {
  if (executable === undefined) return;
  const config = { stateDir, cacheDir: sharedCacheDir, environment: process.env };
  cleanUps.unshift(() => stopServer({ stateDir }));
  const { address, uiUrl } = await ensureServer({ config });
  await startWorkers(address);
  await startEnvironments(address);
  const browser = await startChromium(executable);
  cleanUps.unshift(() => browser.close());
  ui = new WebUi(await browser.newPage(), uiUrl);
});

afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
  await rm(stateDir, { recursive: true, force: true });
});

describe.skipIf(executable === undefined)('the Temporal Web UI', () => {
  it('finds environments by our search attributes', async () => {
    await ui.openList(`${searchAttributes.phase} = "Blocked"`);
    const link = (name: string) => ui.page.getByRole('link', { name: `environment-${name}` });
    await expect.poll(() => link('stuck').count(), seen).toBe(1);
    expect(await link('fine').count()).toBe(0);
    expect(await link('running').count()).toBe(0);
  });

  it('lists each environment with its stack, target and phase', async () => {
    await ui.openList();
    await ui.chooseColumns();
    for (const [name, phase] of Object.entries(phases)) {
      const row = ui.page.getByRole('row').filter({ hasText: `environment-${name}` });
      await expect
        .poll(() => row.innerText(), seen)
        .toMatch(new RegExp(`shape\\s+embedded\\s+${phase}`, 'u'));
    }
  });

  it('says of a running environment which steps run, and in which attempt they do what', async () => {
    await ui.openTab('running', 'User Metadata');
    await expect.poll(() => ui.userMetadata(), seen).toContain('running: Provisioning');
    const text = await ui.userMetadata();
    expect(text).toMatch(/Environment running: stack .shape. on target embedded/u);
    expect(text).toContain('The graph of the tutorial.');
    expect(text).toMatch(/▶\s+tempo\s+running since \d\d:\d\d:\d\d UTC/u);
    expect(text).toMatch(/·\s+verification\s+waits for tempo/u);

    await ui.openTab('running', 'Pending Activities');
    const pending = ui.page.locator('body');
    await expect.poll(() => pending.innerText(), seen).toContain('tempo: pods 0/1');
    await expect.poll(() => pending.innerText(), seen).toMatch(/Attempt\s+2/u);
    expect(await pending.innerText()).toContain('The image tempo:2.0.0 cannot be pulled: 429.');
  });

  it('says of a blocked environment why, and what to do', async () => {
    await ui.openTab('stuck', 'User Metadata');
    await expect.poll(() => ui.userMetadata(), seen).toContain('stuck: Blocked');
    const text = await ui.userMetadata();
    for (const part of [
      'operator is blocked: ready.crash-loop',
      'The container "manager" keeps crashing.',
      'What to do: Mend it.',
      'tracewright retry operator --name stuck tries it again',
      'tracewright down --name stuck takes everything away',
    ])
      expect(text.replaceAll(/[“”]/gu, '"')).toContain(part);
    expect(text).toMatch(/✗\s+operator\s+blocked: waits for a decision/u);
  });

  it('says of a ready environment by what it was proved', async () => {
    await ui.openTab('fine', 'User Metadata');
    await expect.poll(() => ui.userMetadata(), seen).toContain('fine: Ready');
    const text = await ui.userMetadata();
    expect(text).toMatch(/✓\s+verification\s+proved/u);
    expect(text).toContain('Proved by the trace 0af7651916cd43dd8448eb211c80319c: 51 spans');
  });

  it('names the step of each activity, in the timeline and in the history', async () => {
    await ui.openTab('stuck', 'Event History');
    const page = ui.page.locator('body');
    await expect.poll(() => page.innerText(), seen).toContain('Activity Task Failed');
    expect(await page.innerText()).toContain('The container "manager" keeps crashing.');
    expect(await page.innerText()).toContain('operator: operator');
    await ui.openTab('stuck', 'Timeline');
    await expect.poll(() => page.innerText(), seen).toContain('installRelease • operator: operator');
  });
});
