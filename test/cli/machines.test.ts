import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DoctorReport, GroupedCheck } from '../../src/cli/doctor/report.js';
import { applySpec } from '../../src/cli/environments.js';
import {
  environmentWorkflowId,
  hostTaskQueue,
  sharedTaskQueue,
  workerIdentity,
} from '../../src/domain/names.js';
import type { Progress } from '../../src/domain/progress.js';
import { sharedCacheDir } from '../support/cache.js';
import { ScriptedActivities } from '../support/fake-activities.js';
import { testFolder } from '../support/folder.js';
import { createK3dStandIn } from '../support/k3d-stand-in/index.js';
import { proofText } from '../support/proof-text.js';
import { spec } from '../support/stack.js';
import { workflowBundle } from '../support/workflow-bundle.js';
import { startRealHarness, useHarness } from '../workflows/harness.js';
import { cli, cliEnvironment, type CliRun } from './support.js';

const harness = useHarness(startRealHarness);

const stackText = (...targets: string[]): string => `
name: small
description: One object
targets: [${targets.join(', ')}]
components:
  a: { manifests: { namespace: a, objects: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: a } }] }, ready: [{ accepts: a }] }${proofText('a')}`;

/** The folder of a machine, with the stack file in it; its commands know the server of these tests. */
async function machine(
  ...targets: string[]
): Promise<{ folder: string; run: (...args: string[]) => Promise<CliRun> }> {
  const folder = await testFolder();
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'stack.yaml'), stackText(...targets));
  await writeFile(join(folder, 'any.yaml'), stackText('k3d', 'kubeconfig'));
  const env = { TEMPORAL_ADDRESS: harness.env.address, TRACEWRIGHT_CACHE_DIR: sharedCacheDir };
  return { folder, run: (...args) => cli(folder, args, { env }) };
}

/** The real worker process of another machine, with what that one has. */
async function startWorker(folder: string, variables: Record<string, string>): Promise<string> {
  const worker = spawn(process.execPath, [join(import.meta.dirname, '../../dist/worker.js')], {
    cwd: folder,
    env: cliEnvironment(folder, {
      DOCKER_HOST: undefined,
      TEMPORAL_ADDRESS: harness.env.address,
      TRACEWRIGHT_READY_FILE: join(folder, 'state', 'ready.json'),
      TRACEWRIGHT_CACHE_DIR: sharedCacheDir,
      ...variables,
    }),
    stdio: 'ignore',
  });
  onTestFinished(() => ended(worker));
  await expect.poll(() => existsSync(join(folder, 'state', 'ready.json')), { timeout: 90_000 }).toBe(true);
  return (await readFile(join(folder, 'state', 'host-id'), 'utf8')).trim();
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const checksOf = (report: DoctorReport, name: string): GroupedCheck | undefined =>
  report.checks.find((it) => it.name === name);

describe('behind a Temporal server of your own', { timeout: 240_000 }, () => {
  it.skipIf(process.getuid?.() !== 0)(
    'auto takes what this machine can do where up would start its worker here',
    async () => {
      const { run } = await machine('k3d', 'embedded');
      const { stdout } = await run('doctor', '--json', '--stack', 'stack.yaml');
      const report = JSON.parse(stdout) as DoctorReport;
      expect(report).toMatchObject({ target: 'embedded' });
      expect(report).not.toHaveProperty('machine');
      expect(checksOf(report, 'target')?.detail).toMatch(
        /^embedded \(auto: .*Docker.*; this is Linux, as root\)\.$/u,
      );
      const { errors } = await run('plan', '--stack', 'stack.yaml');
      expect(errors[0]).toContain('target embedded (auto: ');
    },
  );

  it('auto, doctor and up ask the machine that can, and it alone does the work', async () => {
    const { folder, run } = await machine('k3d');
    const there = await testFolder();
    const { variables } = await createK3dStandIn(there, '');
    const alone = await run('up', '--stack', 'stack.yaml');
    expect(alone.errors.join('\n')).toContain(
      '[host.unsupported] The stack "small" cannot be installed here',
    );

    const holder = await startWorker(there, variables);
    const { stdout } = await run('doctor', '--json', '--stack', 'stack.yaml');
    const report = JSON.parse(stdout) as DoctorReport;
    expect(report).toMatchObject({ target: 'k3d', machine: hostname() });
    expect(checksOf(report, 'target')?.detail).toBe(`k3d (auto, on ${hostname()}: Docker 28.2.2 runs here).`);
    expect(checksOf(report, 'host')).toMatchObject({ group: 'machine', state: 'ok' });
    expect(checksOf(report, 'docker')?.detail).toContain(join(there, 'bin', 'docker'));
    expect(checksOf(report, 'state folder')?.detail).toContain(join(there, 'state'));

    const existing = await run(
      'doctor',
      '--json',
      '--kubeconfig',
      'nowhere',
      '--context',
      'lab',
      '--stack',
      'any.yaml',
    );
    const looked = JSON.parse(existing.stdout) as DoctorReport;
    expect(looked).toMatchObject({ target: 'kubeconfig', machine: hostname() });
    expect(checksOf(looked, 'cluster')).toMatchObject({ type: 'cluster.not-found' });

    const plan = await run('plan', '--json', '--stack', 'stack.yaml');
    expect(JSON.parse(plan.stdout)).toMatchObject({ steps: [{ name: 'cluster', action: 'create' }, {}, {}] });

    expect(await run('up', '--detach', '--name', 'theirs', '--stack', 'stack.yaml')).toMatchObject({
      exitCode: 0,
    });
    const handle = harness.client.workflow.getHandle(environmentWorkflowId('theirs'));
    onTestFinished(() => handle.terminate().then(() => undefined));
    expect(await handle.query<Progress>('progress')).toMatchObject({ hostId: holder, target: 'k3d' });
    expect(existsSync(join(folder, 'state', 'workers'))).toBe(false);
    expect(existsSync(join(folder, 'state', 'environments'))).toBe(false);
  });

  it('an environment stays with the machine that holds it, and up says in time that nobody answers there', async () => {
    const { run } = await machine('embedded');
    await startHeld('far-away');
    const up = async (): Promise<string> => {
      const { exitCode, errors } = await run('up', '--name', 'far-away', '--stack', 'stack.yaml');
      expect(exitCode).toBe(1);
      return errors.join('\n');
    };
    expect(await up()).toContain('[temporal.worker-missing]');
    // Now there is a worker, but of another machine.
    await startWorker(await testFolder(), { PATH: process.env['PATH'] ?? '' });
    expect(await up()).toContain('[host.lost] The machine far-away');
    const { stdout, exitCode } = await run('doctor', '--json', '--name', 'far-away', '--stack', 'stack.yaml');
    expect(exitCode).toBe(1);
    expect(checksOf(JSON.parse(stdout) as DoctorReport, 'target')).toMatchObject({ type: 'host.lost' });
  });

  it.each(['workflow', 'activity'] as const)(
    'a worker that is too old to know the %s is told so',
    async (lacks) => {
      const { run } = await machine('embedded');
      const name = `old-${lacks}`;
      const { describeMachine: _, ...activities } = new ScriptedActivities().activities;
      const { code } = await workflowBundle();
      // As of a version that asked nobody.
      const known = lacks === 'activity' ? code : code.replaceAll('askMachine', 'askNobody');
      await startScripted(name, activities, known);
      await startHeld(name);
      const { errors } = await run('up', '--name', name, '--stack', 'stack.yaml');
      expect(errors.join('\n')).toContain('[worker.outdated] The worker of the machine old-machine');
    },
  );

  it('what looks into the cluster of another machine says that it is there', async () => {
    const { run } = await machine('embedded');
    const { activities } = new ScriptedActivities();
    await startScripted('holder', activities, (await workflowBundle()).code);
    const handle = await startHeld('holder');
    await expect
      .poll(async () => (await handle.query<Progress>('progress')).phase, { timeout: 30_000 })
      .toBe('Ready');
    const { exitCode, errors } = await run('logs', 'tempo', '--name', 'holder');
    expect(errors.join('\n')).toContain(
      '[host.elsewhere] The cluster of holder is on another machine (holder)',
    );
    expect(exitCode).toBe(1);
  });
});

/** Workers of another version or with scripted steps, of the machine `hostId`. */
async function startScripted(hostId: string, activities: object, code: string): Promise<void> {
  const connection = await NativeConnection.connect({ address: harness.env.address });
  const common = { connection, activities, identity: workerIdentity(hostId, 1, 'old-machine') };
  const workers = [
    await Worker.create({ ...common, taskQueue: sharedTaskQueue, workflowBundle: { code } }),
    await Worker.create({ ...common, taskQueue: hostTaskQueue(hostId) }),
  ];
  const running = workers.map((worker) => worker.run());
  onTestFinished(async () => {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
    await connection.close();
  });
}

/** An environment that another machine's command has started there; it ends with the test. */
async function startHeld(name: string): Promise<WorkflowHandle> {
  const { client } = harness;
  // It is answered by a worker, which need not be there.
  void applySpec(client, name, spec(), name).catch(() => undefined);
  const handle = client.workflow.getHandle(environmentWorkflowId(name));
  const exists = (): Promise<boolean> =>
    handle.describe().then(
      () => true,
      () => false,
    );
  await expect.poll(exists).toBe(true);
  onTestFinished(() => handle.terminate().then(() => undefined));
  return handle;
}
