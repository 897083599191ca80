import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { environmentWorkflowId, sharedTaskQueue } from '../../src/domain/names.js';
import type { Progress } from '../../src/domain/progress.js';
import { provideTemporal } from '../../src/tools/temporal-binary.js';
import { sharedCacheDir } from '../support/cache.js';
import { testFolder } from '../support/folder.js';
import { spec } from '../support/stack.js';
import { startRealHarness, useHarness } from '../workflows/harness.js';

const run = promisify(execFile);
const harness = useHarness(startRealHarness);
const entry = fileURLToPath(new URL('../../dist/worker.js', import.meta.url));
const deployment = ['worker', 'deployment'];
const named = ['--deployment-name', 'tracewright'];

/** Real server, real workers of two versions, as a rollout on Kubernetes has them side by side. */
describe('versions of a worker deployment', { timeout: 180_000 }, () => {
  const temporal = async (...args: string[]): Promise<string> => {
    const { path } = await provideTemporal({ cacheDir: sharedCacheDir, environment: process.env });
    return (await run(path, [...args, '--address', harness.env.address])).stdout;
  };
  const makeCurrent = (buildId: string): Promise<void> =>
    expect
      .poll(
        () =>
          temporal(...deployment, 'set-current-version', ...named, '--build-id', buildId, '--yes').then(
            () => 'done',
            String,
          ),
        { timeout: 60_000 },
      )
      .toBe('done');
  const startWorker = async (buildId: string): Promise<ChildProcess> => {
    const folder = await testFolder();
    const readyFile = join(folder, 'ready');
    const worker = spawn(process.execPath, [entry], {
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        TRACEWRIGHT_STATE_DIR: folder,
        TRACEWRIGHT_CACHE_DIR: join(folder, 'cache'),
        TRACEWRIGHT_READY_FILE: readyFile,
        TEMPORAL_ADDRESS: harness.env.address,
        TEMPORAL_DEPLOYMENT_NAME: 'tracewright',
        TEMPORAL_WORKER_BUILD_ID: buildId,
      },
    });
    onTestFinished(() => void worker.kill('SIGKILL'));
    await expect.poll(() => existsSync(readyFile), { timeout: 60_000 }).toBe(true);
    return worker;
  };

  it('hand their environments over to the one that becomes current, and then may go', async () => {
    const old = await startWorker('1');
    await makeCurrent('1');
    const handle = await harness.client.workflow.start('environment', {
      workflowId: environmentWorkflowId('it'),
      taskQueue: sharedTaskQueue,
      args: [{ name: 'it', spec: spec({ target: { kind: 'kubeconfig', kubeconfigPath: '/none' } }) }],
    });
    const phase = (): Promise<string> => handle.query<Progress>('progress').then((it) => it.phase, String);
    const workedOn = async (): Promise<string[]> => {
      const { events } = await handle.fetchHistory();
      const versions = events?.map(
        (it) => it.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId,
      );
      return [...new Set(versions?.filter((it) => it !== undefined && it !== null))];
    };
    await expect.poll(phase, { timeout: 60_000 }).toBe('Blocked');
    expect(await workedOn()).toEqual(['1']);

    await startWorker('2');
    await makeCurrent('2');
    await handle.executeUpdate('retry', { args: [{ step: 'cluster' }] });
    await expect.poll(workedOn, { timeout: 60_000 }).toEqual(['1', '2']);

    old.kill('SIGTERM');
    await once(old, 'exit');
    await expect.poll(phase, { timeout: 60_000 }).toBe('Blocked');
    const { versionSummaries } = JSON.parse(
      await temporal(...deployment, 'describe', '--name', 'tracewright', '--output', 'json'),
    ) as { versionSummaries: { BuildID?: string; buildId?: string; drainageStatus: string }[] };
    expect(versionSummaries.map(({ buildId, BuildID }) => buildId ?? BuildID).toSorted()).toEqual(['1', '2']);
  });
});
