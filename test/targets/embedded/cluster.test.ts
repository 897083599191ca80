import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterFolder, readNodeStatus } from '../../../src/targets/embedded/folder.js';
import type { EmbeddedPrograms } from '../../../src/targets/embedded/build/store.js';
import { clusterProcesses, findNode } from '../../../src/targets/embedded/processes.js';
import { clusterLinks } from '../../../src/targets/embedded/residue.js';
import { createEmbeddedTarget } from '../../../src/targets/embedded/target.js';
import type { Cluster, Target } from '../../../src/targets/target.js';
import { connectKubernetes } from '../../../src/tools/kubernetes/connection.js';
import { identifyProcess, isAlive } from '../../../src/tools/process-identity.js';
import { run } from '../../../src/tools/process.js';
import { embeddedPrograms, whyNoCluster, withoutWorkloads } from '../../support/embedded-cluster.js';

const unsupported = await whyNoCluster();
const createTimeoutMs = 120_000;

/** One cluster for the whole file: each test leaves it ready for the next. */
describe.skipIf(unsupported !== undefined)('the embedded cluster', () => {
  const folder = { state: '', cluster: clusterFolder('/', 'unknown') };
  let build: EmbeddedPrograms;
  let target: Target;
  let cluster: Cluster;
  const progress: string[] = [];
  const options = {
    onProgress: (text: string): void => {
      progress.push(text);
    },
  };

  beforeAll(async () => {
    build = withoutWorkloads(await embeddedPrograms());
    folder.state = await mkdtemp(join(tmpdir(), 'tracewright-cluster-'));
    folder.cluster = clusterFolder(folder.state, 'dev');
    target = createEmbeddedTarget({ name: 'dev', stateDir: folder.state, build });
    expect(await target.observe()).toEqual({ phase: 'absent', facts: {} });
    cluster = await target.create(options);
  }, 20 * 60_000);

  afterAll(async () => {
    await target.delete();
    expect(await target.observe()).toEqual({ phase: 'absent', facts: {} });
    expect(await readdir(join(folder.state, 'clusters'))).toEqual([]);
    await rm(folder.state, { recursive: true });
  }, 30_000);

  const pidInside = async (program: string): Promise<number | undefined> =>
    (await readNodeStatus(folder.cluster))?.programs[program]?.pid;

  /** The pid that the host gives to a program of the node. */
  const pidOf = async (program: string): Promise<number> => {
    const inside = await pidInside(program);
    for (const { pid } of await clusterProcesses(folder.cluster.id)) {
      const status = await readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => '');
      if (new RegExp(`^NSpid:\\s+\\d+\\s+${String(inside)}$`, 'mu').test(status)) return pid;
    }
    throw new Error(`${program} does not run`);
  };

  const nodePid = async (): Promise<number> => (await findNode(folder.cluster.id))?.pid ?? Number.NaN;

  test('is ready, and keeps its secrets to itself', async () => {
    expect(cluster).toMatchObject({ owned: true, version: 'v1.34.4' });
    expect(await target.observe()).toMatchObject({
      phase: 'ready',
      facts: { nodeName: 'dev', version: 'v1.34.4' },
    });
    expect((await stat(cluster.kubeconfigPath)).mode & 0o777).toBe(0o600);
    expect((await stat(folder.cluster.path)).mode & 0o777).toBe(0o700);
    for (const key of await readdir(join(folder.cluster.path, 'pki'))) {
      expect((await stat(join(folder.cluster.path, 'pki', key))).mode & 0o777).toBe(0o600);
    }
    expect(progress.at(-1)).toBe('Cluster DNS is ready');
  });

  test('is found again when it is ready', async () => {
    const pid = await nodePid();
    expect(await target.create(options)).toEqual(cluster);
    expect(await nodePid()).toBe(pid);
  });

  test('certificates are valid for a year and more', async () => {
    const { stdout } = await run(
      'openssl',
      ['x509', '-noout', '-checkend', String(366 * 86_400), '-in', 'kube-apiserver.crt'],
      {
        cwd: join(folder.cluster.path, 'pki'),
      },
    );
    expect(stdout).toContain('will not expire');
  });

  test('has no way out but the host end of its link, and does not make the host a router', async () => {
    const inside = ['--target', String(await nodePid()), '--net', 'ip', 'route', 'get'];
    await expect(run('nsenter', [...inside, '192.0.2.1'])).rejects.toMatchObject({ type: 'tool.failed' });
    const [link = ''] = await clusterLinks(folder.cluster.id);
    expect((await readFile(`/proc/sys/net/ipv4/conf/${link}/forwarding`, 'utf8')).trim()).toBe('0');
  });

  test.each([
    'kube-apiserver',
    'etcd',
    'containerd',
    'kubelet',
    'kube-controller-manager',
    'kube-scheduler',
    'kube-proxy',
  ])(
    'heals after the death of %s',
    async (program) => {
      const before = (await readNodeStatus(folder.cluster))?.programs[program]?.starts ?? 0;
      process.kill(await pidOf(program), 'SIGKILL');
      await expect
        .poll(async () => (await readNodeStatus(folder.cluster))?.programs[program]?.starts)
        .toBe(before + 1);
      await expect.poll(async () => (await target.observe()).phase, { timeout: 30_000 }).toBe('ready');
    },
    60_000,
  );

  test(
    'goes on with its data after the death of the node, with fresh pods',
    async () => {
      const kube = connectKubernetes({ kubeconfigPath: cluster.kubeconfigPath });
      const path = '/api/v1/namespaces/default/configmaps';
      const body = JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'kept' },
        data: { answer: '42' },
      });
      await kube.json({ method: 'POST', path, body, headers: { 'content-type': 'application/json' } });
      process.kill(await nodePid(), 'SIGKILL');
      await expect.poll(() => clusterProcesses(folder.cluster.id)).toEqual([]);
      expect((await target.observe()).phase).toBe('stopped');
      expect(await target.create(options)).toEqual(cluster);
      expect(await kube.json({ path: `${path}/kept` })).toMatchObject({ data: { answer: '42' } });
      expect(await target.observe()).toMatchObject({ phase: 'ready' });
      kube.close();
    },
    createTimeoutMs,
  );

  test(
    'is not deceived by a pid file from before a reboot',
    async () => {
      process.kill(await nodePid(), 'SIGTERM');
      await expect.poll(() => clusterProcesses(folder.cluster.id), { timeout: 10_000 }).toEqual([]);
      const stranger = await identifyProcess(process.pid);
      await writeFile(join(folder.cluster.path, 'node.pid'), JSON.stringify(stranger));
      expect((await target.observe()).phase).toBe('stopped');
      expect(await target.create(options)).toEqual(cluster);
      expect(stranger && (await isAlive(stranger))).toBe(true);
    },
    createTimeoutMs,
  );

  test('is found when its pid file is lost', async () => {
    const pid = await nodePid();
    await rm(join(folder.cluster.path, 'node.pid'));
    expect(await target.observe()).toMatchObject({ phase: 'ready', facts: { process: { pid } } });
  });

  test(
    'is restarted when its programs have changed',
    async () => {
      const pid = await nodePid();
      const other = createEmbeddedTarget({
        name: 'dev',
        stateDir: folder.state,
        build: { ...build, hash: 'another' },
      });
      expect(await other.create(options)).toEqual(cluster);
      expect(await nodePid()).not.toBe(pid);
    },
    createTimeoutMs,
  );

  test(
    'two calls at once make one cluster, and clusters of one name in two folders do not meet',
    async () => {
      const state = await mkdtemp(join(tmpdir(), 'tracewright-cluster-'));
      const twin = createEmbeddedTarget({ name: 'dev', stateDir: state, build });
      try {
        const [one, two] = await Promise.all([twin.create(options), twin.create(options)]);
        expect(one).toEqual(two);
        expect(one.serverUrl).not.toBe(cluster.serverUrl);
        expect((await target.observe()).phase).toBe('ready');
      } finally {
        await twin.delete();
        await rm(state, { recursive: true });
      }
      expect((await target.observe()).phase).toBe('ready');
    },
    createTimeoutMs,
  );

  test(
    'deletes a cluster whose folder is gone',
    async () => {
      const state = await mkdtemp(join(tmpdir(), 'tracewright-cluster-'));
      const doomed = createEmbeddedTarget({ name: 'doomed', stateDir: state, build });
      await doomed.create(options);
      const { path, id } = clusterFolder(state, 'doomed');
      await rm(join(path, 'node.json'));
      expect(await doomed.observe()).toMatchObject({ phase: 'broken' });
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
      await doomed.delete();
      expect(await clusterProcesses(id)).toEqual([]);
      expect(await doomed.observe()).toEqual({ phase: 'absent', facts: {} });
      await rm(state, { recursive: true });
    },
    createTimeoutMs,
  );
});

test('a name that cannot be one is refused', () => {
  for (const name of ['', '../x', 'Dev', '-dev', 'a'.repeat(41)]) {
    expect(() => createEmbeddedTarget({ name, stateDir: '/nowhere' })).toThrow(
      expect.objectContaining({ type: 'usage.invalid' }),
    );
  }
});
