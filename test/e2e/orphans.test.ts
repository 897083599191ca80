import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environmentHandle } from '../../src/cli/environments.js';
import { clusterFolder } from '../../src/targets/embedded/folder.js';
import { findNode } from '../../src/targets/embedded/processes.js';
import { findResidue } from '../../src/targets/embedded/residue.js';
import { isServerWanted, withClient } from '../../src/temporal/server.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import type { KubernetesObject } from '../../src/tools/kubernetes/objects.js';
import { readObject } from '../../src/tools/kubernetes/observe.js';
import { embeddedPrograms, whyNoCluster } from '../support/embedded-cluster.js';
import { proofText } from '../support/proof-text.js';
import { writeChart } from '../support/chart.js';
import { createCli, type CliResult } from './cli.js';

const reason = await whyNoCluster();

/** What the environment has in its cluster; its proof fails, and with --fail-fast the install ends there. */
const stackText = (name: string, targets: string, more = ''): string => `
name: ${name}
description: One object
targets: [${targets}]
components:
  ${name}: { manifests: { namespace: ${name}, objects: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: it } }] }, ready: [{ accepts: ${name} }] }
${more}${proofText(name)}`;

interface Listed {
  readonly name: string;
  readonly target: string;
  readonly stack?: string;
  readonly phase: string;
  readonly exists?: readonly string[];
}

/** One cluster for all: each test leaves it as the next one finds it. */
describe.skipIf(reason !== undefined)(
  `environments without a workflow${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  { timeout: 300_000 },
  () => {
    let folder: string;
    let stateDir: string;
    let run: (...args: string[]) => Promise<CliResult>;
    let kube: Kubernetes;
    const orphan = 'orphan-it';

    beforeAll(async () => {
      await embeddedPrograms();
      folder = await mkdtemp(join(tmpdir(), 'tracewright-orphans-'));
      stateDir = join(folder, 'state');
      const cli = createCli(stateDir);
      run = (...args) => cli.run(...args);
      const chart = await writeChart(join(folder, 'chart'));
      const release = `  demo: { release: { namespace: shared, chart: { path: ${chart} } }, ready: [{ accepts: shared }] }\n`;
      await writeFile(join(folder, `${orphan}.yaml`), stackText(orphan, 'k3d, embedded'));
      await writeFile(join(folder, 'shared.yaml'), stackText('shared', 'kubeconfig', release));
      const { stderr } = await run('up', '--stack', join(folder, `${orphan}.yaml`), '--fail-fast');
      expect(stderr).not.toContain('internal.bug');
      kube = connectKubernetes({ kubeconfigPath: clusterFolder(stateDir, orphan).kubeconfig });
    }, 300_000);
    afterAll(async () => {
      kube.close();
      await run('down', '--name', orphan);
      await rm(folder, { recursive: true, force: true });
    }, 180_000);

    const list = async (...args: string[]): Promise<Listed[]> =>
      JSON.parse((await run('list', '--json', ...args)).stdout) as Listed[];
    const pid = async (): Promise<number | undefined> =>
      (await findNode(clusterFolder(stateDir, orphan).id))?.pid;
    const objectOf = (namespace: string): Promise<KubernetesObject | undefined> =>
      readObject(kube, { apiVersion: 'v1', kind: 'ConfigMap', name: 'it', namespace });

    async function loseDatabase(): Promise<void> {
      const record = await readFile(join(stateDir, 'temporal', 'server.json'), 'utf8');
      process.kill((JSON.parse(record) as { pid: number }).pid, 'SIGKILL');
      for (const suffix of ['', '-wal', '-shm'])
        await rm(join(stateDir, 'temporal', `temporal.db${suffix}`), { force: true });
    }

    const terminate = (name: string): Promise<void> =>
      withClient({ stateDir, environment: {} }, async (client) => {
        await environmentHandle(client, name).terminate();
      });

    async function expectOrphaned(): Promise<void> {
      const node = await pid();
      expect(node).toBeDefined();
      expect(await list()).toEqual([
        expect.objectContaining({ name: orphan, target: 'embedded', stack: orphan, phase: 'orphaned' }),
      ]);
      const status = await run('status');
      expect(status).toMatchObject({ exitCode: 1, stdout: '' });
      expect(status.stderr).toContain('[environment.orphaned]');
      expect(status.stderr).toContain(`process ${String(node)}`);
      expect(status.stderr).toContain(clusterFolder(stateDir, orphan).path);
      const asJson = await run('status', '--json');
      expect(JSON.parse(asJson.stdout)).toMatchObject({
        phase: 'orphaned',
        failure: { type: 'environment.orphaned' },
      });
      expect(await run('verify', '--name', orphan)).toMatchObject({ exitCode: 1 });
      // Looking has changed nothing.
      expect(await pid()).toBe(node);
    }

    /** With `auto`: the stack would rather have k3d. */
    async function expectTakenUp(): Promise<void> {
      const [node, before] = [await pid(), await objectOf(orphan)];
      const { stderr } = await run('up', '--stack', join(folder, `${orphan}.yaml`), '--fail-fast');
      expect(stderr).toContain('target embedded (auto: its cluster is there)');
      expect(await pid()).toBe(node);
      expect((await objectOf(orphan))?.metadata.uid).toBe(before?.metadata.uid);
      expect(await list()).toMatchObject([{ name: orphan, phase: 'Stopped' }]);
    }

    it('are found, told of and taken up after a termination by Temporal', async () => {
      await terminate(orphan);
      await expectOrphaned();
      const elsewhere = await run('up', '--stack', join(folder, `${orphan}.yaml`), '--target', 'k3d');
      expect(elsewhere.exitCode).toBe(1);
      expect(elsewhere.stderr).toContain('[environment.conflict]');
      await expectTakenUp();
    });

    it('are not denied from another state folder or Temporal server, and left alone', async () => {
      const node = await pid();
      const other = createCli(join(folder, 'other'));
      const listed = await other.run('list', '--json');
      expect(JSON.parse(listed.stdout)).toEqual([]);
      expect(listed.stderr).toContain(`TRACEWRIGHT_STATE_DIR=${stateDir}`);
      for (const command of ['status', 'down']) {
        const result = await other.run(command, '--name', orphan);
        expect(result).toMatchObject({ exitCode: 1 });
        expect(result.stderr).toContain('[environment.not-found]');
        expect(result.stderr).toContain(`TRACEWRIGHT_STATE_DIR=${stateDir}`);
      }
      const wrong = createCli(stateDir, { TEMPORAL_ADDRESS: '127.0.0.1:1' });
      const unreachable = await wrong.run('down', '--name', orphan);
      expect(unreachable).toMatchObject({ exitCode: 1 });
      expect(unreachable.stderr).toContain('[temporal.unreachable]');
      expect(unreachable.stderr).toContain('TEMPORAL_ADDRESS and TEMPORAL_PROFILE unset');
      expect(await pid()).toBe(node);
    });

    it('have the name of one that was taken away from another state folder, where `down` still has nothing to do', async () => {
      const node = await pid();
      const other = createCli(join(folder, 'namesake'));
      const file = join(folder, `${orphan}.yaml`);
      await other.run('up', '--stack', file, '--target', 'embedded', '--fail-fast');
      // The first one takes it away, and with it goes the server.
      for (const elsewhere of [false, true]) {
        const { exitCode, stderr } = await other.run('down', '--name', orphan);
        expect(exitCode, stderr).toBe(0);
        expect(stderr.includes(`TRACEWRIGHT_STATE_DIR=${stateDir}`)).toBe(elsewhere);
        expect(await isServerWanted({ stateDir: join(folder, 'namesake') })).toBe(false);
      }
      expect(await pid()).toBe(node);
    });

    it('in an existing cluster are found by their labels and taken away, all but what others made', async () => {
      const kubeconfig = clusterFolder(stateDir, orphan).kubeconfig;
      await run('up', '--stack', join(folder, 'shared.yaml'), '--kubeconfig', kubeconfig, '--fail-fast');
      expect((await objectOf('shared'))?.metadata.uid).toBeDefined();
      await loseDatabase();
      const named = ['--kubeconfig', kubeconfig];
      expect(await list()).toMatchObject([{ name: orphan, phase: 'orphaned' }]);
      const [found] = (await list(...named)).filter(({ name }) => name === 'shared');
      expect(found).toMatchObject({ target: 'kubeconfig', phase: 'orphaned' });
      expect(found?.exists).toEqual(
        expect.arrayContaining(['Helm release shared/demo', 'ConfigMap shared/it', 'Namespace shared']),
      );
      await kube.json({
        method: 'POST',
        path: '/api/v1/namespaces/default/configmaps',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ metadata: { name: 'theirs' } }),
      });
      expect(await run('status', '--name', 'shared', ...named)).toMatchObject({ exitCode: 1 });
      const down = await run('down', '--name', 'shared', ...named);
      expect(down, down.stderr).toMatchObject({ exitCode: 0 });
      expect(down.stdout).toContain(`Still there, and orphaned: ${orphan}`);
      expect(await readObject(kube, { apiVersion: 'v1', kind: 'Namespace', name: 'shared' })).toBeUndefined();
      const theirs = { apiVersion: 'v1', kind: 'ConfigMap', name: 'theirs', namespace: 'default' };
      expect(await readObject(kube, theirs)).toBeDefined();
      expect((await list(...named)).map(({ name }) => name)).toEqual([orphan]);
    });

    it('are told of without a server that starts, and taken up when the database is lost', async () => {
      await expectOrphaned();
      await expectTakenUp();
      await loseDatabase();
      await writeFile(join(stateDir, 'temporal', 'temporal.db'), 'no database');
      for (const command of ['list', 'status', 'down']) {
        const result = await run(command);
        expect(result).toMatchObject({ exitCode: 1 });
        expect(result.stderr).toContain('[temporal.not-starting]');
        expect(result.stdout + result.stderr).toContain(`process ${String(await pid())}`);
      }
      await rm(join(stateDir, 'temporal', 'temporal.db'));
    });

    it('are taken away, with nothing left', async () => {
      const down = await run('down');
      expect(down, down.stderr).toMatchObject({ exitCode: 0 });
      expect(await findResidue(clusterFolder(stateDir, orphan))).toEqual([]);
      expect(await pid()).toBeUndefined();
      expect(await list()).toEqual([]);
      expect(await run('status')).toMatchObject({ exitCode: 1 });
      expect((await run('down')).exitCode).toBe(0);
    });
  },
);
