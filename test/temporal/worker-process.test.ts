import { once } from 'node:events';
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { embeddedSettings, type ConnectionSettings } from '../../src/temporal/connection.js';
import { hostId } from '../../src/temporal/host-id.js';
import {
  ensureWorker,
  markWorkerReady,
  observeWorker,
  stopWorker,
  workerPlace,
  type EnsureWorkerOptions,
} from '../../src/temporal/worker-process.js';
import type { DaemonPlace } from '../../src/tools/daemon.js';
import { identifyProcess } from '../../src/tools/process-identity.js';
import { freePorts } from '../support/api-server.js';
import { compile } from '../support/compile.js';
import { testFolder } from '../support/folder.js';
import { containing } from '../support/match.js';

/** A server of one's own. */
const theirs: ConnectionSettings = {
  ...embeddedSettings('temporal.example:7233'),
  embedded: false,
};

const placeOf = ({ config, connection }: EnsureWorkerOptions): DaemonPlace =>
  workerPlace(config.stateDir, connection);

async function workerOptions(entry?: string): Promise<EnsureWorkerOptions> {
  const stateDir = await testFolder();
  onTestFinished(async () => {
    for (const place of [workerPlace(stateDir, embeddedSettings('')), workerPlace(stateDir, theirs)])
      await stopWorker(place);
  });
  return {
    config: { stateDir, cacheDir: join(stateDir, 'cache'), environment: { PATH: process.env['PATH'] } },
    connection: embeddedSettings('127.0.0.1:7233'),
    entry: entry ?? (await compile('test/temporal/small-worker.ts')),
  };
}

/** A port that somebody listens on, until the end of the test. */
async function listening(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port that nobody listened on a moment ago. */
async function unusedPort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

const environmentOf = async (pid: number): Promise<string[]> =>
  (await readFile(`/proc/${String(pid)}/environ`, 'utf8')).split('\0');

describe('the background worker', { timeout: 60_000 }, () => {
  it('starts once for many and is ready when that is said', async () => {
    const options = await workerOptions();
    const workers = await Promise.all([ensureWorker(options), ensureWorker(options), ensureWorker(options)]);
    expect(new Set(workers.map(({ pid }) => pid)).size).toBe(1);
    expect(await observeWorker(placeOf(options))).toMatchObject({
      pid: workers[0].pid,
      running: true,
      ready: true,
    });
    const marker = join(options.config.stateDir, 'worker', 'ready.json');
    expect(JSON.parse(await readFile(marker, 'utf8'))).toMatchObject({ pid: workers[0].pid });
    expect((await stat(marker)).mode & 0o777).toBe(0o600);
    const started = performance.now();
    expect(await ensureWorker(options)).toMatchObject({ startedNow: false });
    console.log(`ensureWorker, live: ${(performance.now() - started).toFixed(0)} ms`);
  });

  it('is not mistaken for one that was started by hand', async () => {
    const options = await workerOptions();
    await ensureWorker(options);
    await markWorkerReady({});
    expect(await observeWorker(placeOf(options))).toMatchObject({ ready: true });
  });

  it('comes back after kill -9', async () => {
    const options = await workerOptions();
    const first = await ensureWorker(options);
    process.kill(first.pid, 'SIGKILL');
    while (await identifyProcess(first.pid)) await sleep(5);
    expect(await observeWorker(placeOf(options))).toMatchObject({ running: false, ready: false });
    const second = await ensureWorker(options);
    expect(second.startedNow).toBe(true);
    expect(second.pid).not.toBe(first.pid);
  });

  it('is replaced, gracefully, when its build changes', async () => {
    const options = await workerOptions();
    const first = await ensureWorker(options);
    await appendFile(options.entry ?? '', '\n// another build');
    const second = await ensureWorker(options);
    expect(second.startedNow).toBe(true);
    expect(await identifyProcess(first.pid)).toBeUndefined();
    await stat(join(options.config.stateDir, 'stopped-gracefully'));
  });

  it('is replaced when it would talk to another server', async () => {
    const options = await workerOptions();
    const first = await ensureWorker(options);
    const second = await ensureWorker({ ...options, connection: embeddedSettings('127.0.0.1:7234') });
    expect(second.pid).not.toBe(first.pid);
  });

  it('has one worker a connection: two shells with different servers do not take turns', async () => {
    const options = await workerOptions();
    const ours = await ensureWorker(options);
    const others = await ensureWorker({ ...options, connection: theirs });
    expect(others.pid).not.toBe(ours.pid);
    expect(await ensureWorker(options)).toMatchObject({ pid: ours.pid, startedNow: false });
    expect(await observeWorker(placeOf(options))).toMatchObject({ pid: ours.pid, ready: true });
    expect(await stopWorker(workerPlace(options.config.stateDir, theirs))).toBe('terminated');
    expect(await observeWorker(placeOf(options))).toMatchObject({ pid: ours.pid, running: true });
  });

  it('is not replaced by looking, whatever is different', async () => {
    const options = await workerOptions();
    const { pid } = await ensureWorker(options);
    await appendFile(options.entry ?? '', '\n// another build');
    const connection = embeddedSettings('127.0.0.1:7234');
    expect(await ensureWorker({ ...options, connection, keepRunning: true })).toMatchObject({ pid });
    expect(await identifyProcess(pid)).toBeDefined();
  });

  it("gets the caller's connection by absolute paths: it runs in another folder", async () => {
    const options = await workerOptions();
    const folder = await testFolder();
    const file = join(folder, 'temporal.toml');
    await writeFile(
      file,
      '[profile.default.tls]\nclient_cert_path = "client.pem"\nclient_key_path = "client.key"\n',
    );
    const environment = { ...options.config.environment, TEMPORAL_CONFIG_FILE: relative('.', file) };
    const { pid } = await ensureWorker({ ...options, config: { ...options.config, environment } });
    expect(await environmentOf(pid)).toEqual(
      expect.arrayContaining([
        `TEMPORAL_CONFIG_FILE=${file}`,
        `TEMPORAL_TLS_CLIENT_CERT_PATH=${resolve('client.pem')}`,
        `TEMPORAL_TLS_CLIENT_KEY_PATH=${resolve('client.key')}`,
      ]),
    );
  });

  it('serves its metrics where somebody said so last, whoever starts it', async () => {
    const options = await workerOptions();
    const metricsAddress = `127.0.0.1:${String(await unusedPort())}`;
    const at = (address?: string): EnsureWorkerOptions => ({
      ...options,
      config: { ...options.config, ...(address !== undefined && { metricsAddress: address }) },
    });
    const first = await ensureWorker(options);
    expect(await observeWorker(placeOf(options))).not.toHaveProperty('metricsUrl');
    const second = await ensureWorker(at(metricsAddress));
    expect(second.pid).not.toBe(first.pid);
    // A shell without the variable leaves it as it is, and starts it again as it was.
    expect((await ensureWorker(options)).pid).toBe(second.pid);
    process.kill(second.pid, 'SIGKILL');
    while (await identifyProcess(second.pid)) await sleep(5);
    const third = await ensureWorker(options);
    expect(await environmentOf(third.pid)).toContain(`TRACEWRIGHT_METRICS_ADDRESS=${metricsAddress}`);
    expect(await observeWorker(placeOf(options))).toMatchObject({
      metricsUrl: `http://${metricsAddress}/metrics`,
    });
    const fourth = await ensureWorker(at('off'));
    expect(fourth.pid).not.toBe(third.pid);
    expect(await observeWorker(placeOf(options))).not.toHaveProperty('metricsUrl');
  });

  it('keeps the keys for payloads that somebody gave, and takes others', async () => {
    const options = await workerOptions();
    const keyed = (file: string): EnsureWorkerOptions => ({
      ...options,
      config: { ...options.config, payloadKeys: { file } },
    });
    const first = await ensureWorker(keyed('/keys'));
    // A shell without keys would otherwise have a worker that cannot read what the first one wrote.
    expect((await ensureWorker(options)).pid).toBe(first.pid);
    expect(await environmentOf(first.pid)).toContain('TRACEWRIGHT_PAYLOAD_KEYS=/keys');
    const second = await ensureWorker(keyed('/others'));
    expect(second.pid).not.toBe(first.pid);
    expect(await environmentOf(second.pid)).toContain('TRACEWRIGHT_PAYLOAD_KEYS=/others');
  });

  it('is of a worker version, and another one is another worker', async () => {
    const options = await workerOptions();
    const versioned = (buildId: string): EnsureWorkerOptions => ({
      ...options,
      config: { ...options.config, workerVersion: { deploymentName: 'it', buildId } },
    });
    const first = await ensureWorker(versioned('1'));
    expect((await ensureWorker(versioned('1'))).pid).toBe(first.pid);
    expect((await ensureWorker(versioned('2'))).pid).not.toBe(first.pid);
  });

  it('keeps the number of slots until somebody says another one', async () => {
    const options = await workerOptions();
    const withSlots = (slots: number): EnsureWorkerOptions => ({
      ...options,
      config: { ...options.config, slots },
    });
    const first = await ensureWorker(withSlots(2));
    expect(await environmentOf(first.pid)).toContain('TRACEWRIGHT_SLOTS=2');
    expect((await ensureWorker(options)).pid).toBe(first.pid);
    const second = await ensureWorker(withSlots(5));
    expect(second.pid).not.toBe(first.pid);
    expect(await environmentOf(second.pid)).toContain('TRACEWRIGHT_SLOTS=5');
  });

  it('goes on when the port for the metrics of the next one is taken', async () => {
    const options = await workerOptions();
    const { pid } = await ensureWorker(options);
    const taken = await listening();
    const config = { ...options.config, metricsAddress: `127.0.0.1:${String(taken)}` };
    await expect(ensureWorker({ ...options, config })).rejects.toMatchObject({
      type: 'port.taken',
      message: containing(`(pid ${String(process.pid)}) listens there.`),
      remedy: containing('TRACEWRIGHT_METRICS_ADDRESS'),
    });
    expect(await identifyProcess(pid)).toBeDefined();
  });

  it('names an address that this machine does not have', async () => {
    const options = await workerOptions();
    const config = { ...options.config, metricsAddress: '192.0.2.1:9464' };
    await expect(ensureWorker({ ...options, config })).rejects.toMatchObject({
      type: 'config.invalid',
      message: containing('this machine does not have the address'),
    });
    expect(await observeWorker(placeOf(options))).toBeUndefined();
  });

  it('fails with the last lines of a worker that dies at its start', async () => {
    const folder = await testFolder();
    await writeFile(join(folder, 'worker.js'), 'console.error("cannot connect"); process.exit(1);');
    await expect(ensureWorker(await workerOptions(join(folder, 'worker.js')))).rejects.toMatchObject({
      type: 'temporal.not-starting',
      message: 'The worker ended with exit code 1.',
      evidence: ['cannot connect'],
    });
  });

  it('says that it is not built', async () => {
    const options = await workerOptions('/nowhere/worker.js');
    await expect(ensureWorker(options)).rejects.toMatchObject({ remedy: containing('npm ci') });
  });

  it('leaves no process after stopWorker', async () => {
    const options = await workerOptions();
    const { pid } = await ensureWorker(options);
    expect(await stopWorker(placeOf(options))).toBe('terminated');
    expect(await identifyProcess(pid)).toBeUndefined();
    expect(await observeWorker(placeOf(options))).toBeUndefined();
  });
});

describe('hostId', () => {
  it('is made once, however many ask, and kept to the user', async () => {
    const stateDir = join(await testFolder(), 'state');
    const ids = await Promise.all(Array.from({ length: 10 }, () => hostId(stateDir)));
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f]{16}$/u);
    expect(await hostId(stateDir)).toBe(ids[0]);
    expect((await stat(join(stateDir, 'host-id'))).mode & 0o777).toBe(0o600);
    expect(await hostId(await testFolder())).not.toBe(ids[0]);
  });
});
