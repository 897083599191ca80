import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { environmentWorkflowId, sharedTaskQueue } from '../../src/domain/names.js';
import type { Progress } from '../../src/domain/progress.js';
import { testFolder } from '../support/folder.js';
import { spec } from '../support/stack.js';
import { versionsIn, WorkerVersions } from '../support/worker-versions.js';
import { startRealHarness, useHarness } from '../workflows/harness.js';

const harness = useHarness(startRealHarness);
const entry = fileURLToPath(new URL('../../dist/worker.js', import.meta.url));

/** Real server, real workers of two versions, as a rollout on Kubernetes has them side by side. */
describe('versions of a worker deployment', { timeout: 180_000 }, () => {
  const versions = new WorkerVersions(() => harness.env.address);
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
    await versions.makeCurrent('1');
    const handle = await harness.client.workflow.start('environment', {
      workflowId: environmentWorkflowId('it'),
      taskQueue: sharedTaskQueue,
      args: [{ name: 'it', spec: spec({ target: { kind: 'kubeconfig', kubeconfigPath: '/none' } }) }],
    });
    const phase = (): Promise<string> => handle.query<Progress>('progress').then((it) => it.phase, String);
    const workedOn = () => versionsIn(handle);
    await expect.poll(phase, { timeout: 60_000 }).toBe('Blocked');
    expect(await workedOn()).toEqual(['1']);

    await startWorker('2');
    await versions.makeCurrent('2');
    // The server tells its task queues of the new version in its own time: a step that blocks again at once may be too fast.
    const triedAgain = async (): Promise<string[]> => {
      await handle.executeUpdate('retry', { args: [{ step: 'cluster' }] }).catch(() => undefined);
      return workedOn();
    };
    await expect.poll(triedAgain, { timeout: 60_000, interval: 1_000 }).toEqual(['1', '2']);

    old.kill('SIGTERM');
    await once(old, 'exit');
    await expect.poll(phase, { timeout: 60_000 }).toBe('Blocked');
    expect(Object.keys(await versions.drainage()).toSorted()).toEqual(['1', '2']);
  });
});
