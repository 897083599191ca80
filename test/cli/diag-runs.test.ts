import { join } from 'node:path';
import { expect, it } from 'vitest';
import { collectHistories } from '../../src/cli/diag/histories.js';
import type { ExtendResult, RunTicket } from '../../src/workflows/messages.js';
import { fail, ScriptedActivities } from '../support/fake-activities.js';
import { testFolder } from '../support/folder.js';
import { unpack } from '../support/unpack.js';
import {
  ready,
  startRealHarness,
  update,
  useHarness,
  withEnvironment,
  type RunningEnvironment,
} from '../workflows/harness.js';
import { cli } from './support.js';

const harness = useHarness(startRealHarness);
const big = { runs: 20, bytes: 32_000_000 };

/**
 * Ready, after its first install failed once: then it continues as new, because its history has more than 40 events.
 */
async function untilContinued({ handle }: RunningEnvironment, from: string): Promise<string> {
  await expect.poll(async () => (await handle.describe()).runId, { timeout: 60_000 }).not.toBe(from);
  return (await handle.describe()).runId;
}

it(
  'tells of all runs of an environment that was continued as new, and of what it leaves out',
  { timeout: 180_000 },
  async () => {
    const scripted = new ScriptedActivities().on('tempo', (attempt) => {
      if (attempt === 1) fail('tool.failed', 'helm broke in the first run');
    });
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        const { handle } = environment;
        const { workflowId } = handle;
        const first = (await handle.describe()).runId;
        const second = await untilContinued(environment, first);
        expect(await update<RunTicket>(environment, 'verify')).toEqual({ run: 2 });
        await ready(environment, 2);
        for (let life = 1; (await handle.describe()).runId === second; life += 1)
          await update<ExtendResult>(environment, 'extend', { ms: life * 3_600_000 });
        const third = await untilContinued(environment, second);

        const folder = await testFolder();
        const name = (await environment.progress()).environment;
        const env = { TEMPORAL_ADDRESS: harness.env.address };
        const { exitCode, errors } = await cli(folder, ['diag', name, '--output', 'it.tar.gz'], { env });
        expect(exitCode, errors.join('\n')).toBe(0);
        const { texts } = await unpack(join(folder, 'it.tar.gz'));
        const history = (file: string): string => texts.get(`environment/${file}.json`) ?? '';
        expect([...texts.keys()].filter((path) => path.includes('history')).sort()).toEqual([
          'environment/history-1.json',
          'environment/history-2.json',
          'environment/history.json',
        ]);
        expect(history('history-2')).toContain(`"newExecutionRunId": "${second}"`);
        expect(history('history-1')).toContain(`"newExecutionRunId": "${third}"`);
        expect(history('history')).toContain(`"continuedExecutionRunId": "${second}"`);
        expect(texts.get('README.md')).toMatch(new RegExp(`history-2\\.json .* run ${first} \\|`, 'u'));
        expect(texts.get('README.md')).not.toContain('the history of the run');

        const timeline = (texts.get('environment/timeline.txt') ?? '').trimEnd().split('\n');
        expect(timeline.filter((line) => line.startsWith('#'))).toEqual(
          ['history-2', 'history-1', 'history'].map((file) => `# environment/${file}.json`),
        );
        const starts = timeline.flatMap(
          (line) => /^\S+ +(\d+\.\d) s .* workflow execution started/u.exec(line)?.[1] ?? [],
        );
        expect(starts.map(Number)).toEqual([0, expect.any(Number), expect.any(Number)]);
        expect(starts.map(Number)).toEqual(starts.map(Number).toSorted((a, b) => a - b));
        const broken = timeline.findIndex((line) =>
          line.includes('[tool.failed] helm broke in the first run'),
        );
        expect(broken).toBeGreaterThan(0);
        expect(broken).toBeLessThan(timeline.indexOf('# environment/history-1.json'));

        // What is too much is named, with the command that shows it.
        for (const limits of [
          { ...big, runs: 2 },
          { ...big, bytes: history('history').length + history('history-1').length },
        ]) {
          const { findings } = await collectHistories(harness.client, workflowId, limits);
          expect(findings.files.map(({ path }) => path)).toEqual(
            ['timeline.txt', 'history.json', 'history-1.json'].map((file) => `environment/${file}`),
          );
          expect(findings.missing).toEqual([
            {
              what: `the history of the run ${first}, and of those before it`,
              why: expect.stringContaining(`--workflow-id ${workflowId} --run-id ${first}`) as string,
            },
          ]);
        }
        const least = await collectHistories(harness.client, workflowId, { runs: 20, bytes: 1 });
        expect(least.findings.files.map(({ path }) => path)).toContain('environment/history.json');

        // As the server itself does when the retention time is over.
        await harness.env.connection.workflowService.deleteWorkflowExecution({
          namespace: 'default',
          workflowExecution: { workflowId, runId: first },
        });
        const missing = async (): Promise<string[]> =>
          (await collectHistories(harness.client, workflowId)).findings.missing.map(
            ({ what, why }) => `${what}: ${why}`,
          );
        await expect
          .poll(missing, { timeout: 60_000 })
          .toEqual([
            `the history of the run ${first}, and of those before it: the Temporal server keeps it no longer`,
          ]);
        await handle.signal('teardown');
        await harness.client.workflow.getHandle(workflowId).result();
      },
      {},
      { continueAfterEvents: 40 },
    );
  },
);
