import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { activityInfo } from '@temporalio/activity';
import { AsyncCompletionClient } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { reportLostAttempts } from '../../src/activities/lost-attempts.js';
import { asActivity } from '../../src/activities/step-context.js';
import { toolFolder } from '../../src/activities/tool-step.js';
import { failureTypes, TracewrightError } from '../../src/domain/failure.js';
import type { AttemptRecord } from '../../src/tools/tool-claim.js';
import { ScriptedActivities, untilCancelled } from '../support/fake-activities.js';
import { testFolder } from '../support/folder.js';
import {
  quiet,
  ready,
  startRealHarness,
  stepOf,
  tearDown,
  useHarness,
  withEnvironment,
} from '../workflows/harness.js';

const harness = useHarness(startRealHarness);

/** The record that a killed worker leaves of an attempt at the step. */
async function leaveRecord(stateDir: string, token: string): Promise<void> {
  const folder = toolFolder(stateDir, 'shop');
  await mkdir(folder, { recursive: true });
  const record: AttemptRecord = { mark: 'tempo-cafe', processes: [], token };
  await writeFile(join(folder, 'tempo.json'), JSON.stringify(record));
}

describe('reportLostAttempts', { timeout: 60_000 }, () => {
  it('has the server try a lost step again without waiting for its heartbeats', async () => {
    const stateDir = await testFolder();
    const server = new AsyncCompletionClient({ connection: harness.env.nativeConnection });
    let token: string | undefined;
    const attempts: number[] = [];
    // It heartbeats all the time: the server has no reason of its own to try it again.
    const scripted = new ScriptedActivities().on('tempo', (attempt) => {
      attempts.push(attempt);
      token ??= activityInfo().base64TaskToken;
      return attempt === 1 ? untilCancelled() : undefined;
    });
    await withEnvironment(harness, scripted, async (environment) => {
      await expect.poll(() => token, { timeout: 20_000 }).toBeDefined();
      await leaveRecord(stateDir, token ?? '');
      expect(await reportLostAttempts({ stateDir }, server)).toBe(1);
      await ready(environment);
      expect(attempts).toEqual([1, 2]);
      // Known to be over by now: nothing to report, and no error.
      expect(await reportLostAttempts({ stateDir }, server)).toBe(0);
      await tearDown(environment);
    });
  });

  it('leaves the step as many attempts of its own as it would have had', async () => {
    const stateDir = await testFolder();
    const server = new AsyncCompletionClient({ connection: harness.env.nativeConnection });
    const type = 'proof.trace-missing';
    let token: string | undefined;
    const attempts: number[] = [];
    const work = asActivity<string, never>((_task, { attempt }) => {
      attempts.push(attempt);
      token ??= activityInfo().base64TaskToken;
      if (attempt === 1) return untilCancelled();
      return Promise.reject(new TracewrightError({ type, message: 'm', remedy: 'r' }));
    });
    const scripted = new ScriptedActivities().on('tempo', () => work('tempo'));
    await withEnvironment(harness, scripted, async (environment) => {
      await expect.poll(() => token, { timeout: 20_000 }).toBeDefined();
      await leaveRecord(stateDir, token ?? '');
      expect(await reportLostAttempts({ stateDir }, server)).toBe(1);
      const progress = await environment.until('blocked', quiet);
      expect(stepOf(progress, 'tempo').failure?.type).toBe(type);
      expect(attempts).toHaveLength(1 + failureTypes[type].attempts);
      await tearDown(environment);
    });
  });

  it('has nothing to say where nothing was lost', async () => {
    const server = new AsyncCompletionClient({ connection: harness.env.nativeConnection });
    expect(await reportLostAttempts({ stateDir: await testFolder() }, server)).toBe(0);
  });
});
