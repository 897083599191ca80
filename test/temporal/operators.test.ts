import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { provideTemporal } from '../../src/tools/temporal-binary.js';
import { oneObject, phaseOf, tracewright, writeFiles } from '../cases/support.js';
import { killProcessesOf } from '../cli/small-environment.js';
import type { CliRun } from '../cli/support.js';
import { freePorts } from '../support/api-server.js';
import { sharedCacheDir } from '../support/cache.js';
import { makeCertificates } from '../support/certificates.js';
import { startStandIn, type StandInApi } from '../support/stand-in-api.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';

const run = promisify(execFile);

/** A server of one's own, whose operators do what operators do. One environment, whose only step waits for a decision. */
describe('operators of Temporal', { timeout: 400_000 }, () => {
  let folder: string;
  let api: StandInApi;
  let server: ChildProcess;
  let address: string;
  let temporal: string;
  const id = 'environment-it';

  const shell = (...args: string[]): Promise<CliRun> =>
    tracewright(folder, args, { TEMPORAL_ADDRESS: address });
  const operator = async (...args: string[]): Promise<string> =>
    (await run(temporal, ['workflow', ...args, '--workflow-id', id, '--address', address])).stdout;
  const up = (): Promise<CliRun> =>
    shell('up', '--detach', '--name', 'it', '--stack', 'stack.yaml', '--kubeconfig', 'config');
  /** Once its step waits for a decision: the API server of this test knows no namespaces. */
  const blocked = (): Promise<void> =>
    expect
      .poll(async () => phaseOf(await shell('status', '--json', '--name', 'it')), { timeout: 60_000 })
      .toBe('Blocked');
  const listed = async (): Promise<unknown> => JSON.parse((await shell('list', '--json')).stdout);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tracewright-test-'));
    api = await startStandIn({ tls: makeCertificates().server });
    const [port = 0, ui = 0, metrics = 0] = await freePorts(3);
    address = `127.0.0.1:${String(port)}`;
    temporal = (await provideTemporal({ cacheDir: sharedCacheDir, environment: process.env })).path;
    const ports = ['--port', String(port), '--ui-port', String(ui), '--metrics-port', String(metrics)];
    const pause = ['--dynamic-config-value', 'frontend.WorkflowPauseEnabled=true'];
    server = spawn(temporal, ['server', 'start-dev', '--headless', ...ports, ...pause], { stdio: 'ignore' });
    while (!(await listens(port))) await sleep(100);
    await writeFiles(folder, {
      'stack.yaml': oneObject,
      config: stringify({
        'current-context': 'c',
        clusters: [{ name: 'c', cluster: { server: api.url, 'insecure-skip-tls-verify': true } }],
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        users: [{ name: 'u', user: { token: 't' } }],
      }),
    });
  });
  afterAll(async () => {
    await killProcessesOf(folder);
    server.kill('SIGKILL');
    await once(server, 'exit');
    await api.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('who pause it are named by every command, which say how it goes on, and wait for nothing', async () => {
    const started = await up();
    expect(started.exitCode, started.errors.join('\n')).toBe(0);
    await blocked();
    await operator('pause', '--reason', 'a look at it');
    await expect.poll(listed).toMatchObject([{ name: 'it', phase: 'Held' }]);
    for (const line of ['status', 'verify', 'retry', 'pause', 'abort', 'down', 'trace', 'status --json'])
      expect(await shell(...line.split(' '), '--name', 'it'), line).toMatchObject({
        exitCode: 1,
        errors: expect.arrayContaining([
          expect.stringMatching(/^error \[environment\.held\] /u) as string,
          expect.stringContaining(`temporal workflow unpause --workflow-id ${id}`) as string,
        ]) as string[],
      });
    expect((await up()).errors.join('\n')).toContain('[environment.held]');
    await operator('unpause', '--reason', 'seen');
    await blocked();
    // None of those commands has left anything behind that is done now.
    expect(await listed()).toMatchObject([{ name: 'it', phase: 'Blocked' }]);
  });

  it('who reset it have it look at the cluster anew: the run is another, the environment the same', async () => {
    await operator('reset', '--type', 'FirstWorkflowTask', '--reason', 'again');
    await blocked();
    await expect.poll(listed).toMatchObject([{ name: 'it', phase: 'Blocked' }]);
    expect(await shell('retry', '--name', 'it')).not.toMatchObject({ exitCode: 2 });
    await blocked();
  });

  it('who terminate it leave it orphaned, and when it is forgotten nothing is known of it', async () => {
    await operator('terminate', '--reason', 'enough');
    await expect.poll(listed).toMatchObject([{ name: 'it', phase: 'orphaned' }]);
    expect(await shell('status', '--name', 'it')).toMatchObject({
      exitCode: 1,
      errors: expect.arrayContaining([
        expect.stringContaining('[environment.orphaned]') as string,
      ]) as string[],
    });
    expect((await up()).exitCode).toBe(0);
    await blocked();
    // As the retention of a namespace does it, in a day or in an hour.
    await operator('terminate', '--reason', 'enough');
    await operator('delete', '--yes');
    // The server deletes when its other queues are done with the run; a busy one takes its time.
    await expect.poll(listed, { timeout: 120_000 }).toEqual([]);
    expect(await shell('status', '--name', 'it')).toMatchObject({
      exitCode: 1,
      errors: expect.arrayContaining([
        expect.stringContaining('[environment.not-found]') as string,
      ]) as string[],
    });
    // It is no reason not to begin anew.
    expect((await up()).exitCode).toBe(0);
    await blocked();
  });
});

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
