import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../src/domain/progress.js';
import type { Proof } from '../../src/domain/proof.js';
import { parseTrace } from '../../src/domain/trace-json.js';
import { services } from '../../src/domain/trace.js';
import { clusterFolder } from '../../src/targets/embedded/folder.js';
import { observeRelease } from '../../src/tools/helm/release-record.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { residueOf } from '../faults/residue.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { snapshotHost } from '../support/host-snapshot.js';
import { installGlobally, packPackage } from '../support/installed-package.js';
import { createCli } from './cli.js';

const reason = await whyNoCluster();

const releases = [
  { namespace: 'tracing', name: 'trace-store' },
  { namespace: 'monitoring', name: 'kube-stack-prometheus' },
  { namespace: 'cert-manager', name: 'cert-manager' },
  { namespace: 'otel-system', name: 'opentelemetry-operator' },
];

/** The job that the product exists for, on a real cluster: nothing → proof → the same again → nothing. */
describe.skipIf(reason !== undefined)(
  `main job${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let stateDir: string;
    let packageDir: string;
    let cli: ReturnType<typeof createCli>;
    let before: ReadonlySet<string>;
    let kube: Kubernetes;
    let firstProof: Proof;

    const status = async (): Promise<Progress> =>
      JSON.parse((await cli.run('status', '--json')).stdout) as Progress;

    beforeAll(async () => {
      stateDir = await mkdtemp(join(tmpdir(), 'tracewright-e2e-'));
      // What is shipped: the program that `npm install --global` puts on PATH.
      packageDir = await mkdtemp(join(tmpdir(), 'tracewright-e2e-'));
      const program = await installGlobally(await packPackage(packageDir), packageDir);
      cli = createCli(stateDir, {}, program);
      before = await snapshotHost();
    });

    afterAll(async () => {
      // First of all: a failed test may have got no further than a cluster.
      await cli.run('down');
      (kube as Kubernetes | undefined)?.close();
      await rm(stateDir, { recursive: true, force: true });
      await rm(packageDir, { recursive: true, force: true });
    });

    it('goes from nothing to a proof and says how to look at it', { timeout: 600_000 }, async () => {
      const { exitCode, stdout, stderr } = await cli.run('up');
      expect(exitCode, stdout + stderr).toBe(0);
      const progress = await status();
      kube = connectKubernetes({ kubeconfigPath: progress.cluster?.kubeconfigPath ?? '' });
      firstProof = progress.proof as Proof;
      expect(progress.phase).toBe('Ready');
      expect(progress.steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
        'cluster done',
        'trace-store done',
        'prometheus-stack done',
        'cert-manager done',
        'operator done',
        'collector done',
        'hotrod done',
        'verification done',
      ]);
      for (const shown of [
        firstProof.traceId,
        'export KUBECONFIG=',
        '/workflows/environment-embedded',
        'tracewright down',
      ]) {
        expect(stdout).toContain(shown);
      }
    });

    it('has proved what Tempo itself confirms: that very trace, whole, with the services of the ride', async () => {
      const checks = Object.fromEntries(firstProof.checks.map(({ name, state }) => [name, state]));
      expect(checks).toEqual({
        ride: 'passed',
        'collector-log': 'passed',
        'tempo-by-id': 'passed',
        traceql: 'passed',
        grafana: 'skipped',
      });
      const tempo = { namespace: 'tracing', service: 'tempo', port: 3100 };
      const { body } = await kube.serviceRequest(tempo, `/api/traces/${firstProof.traceId}`);
      const trace = parseTrace(body);
      expect(trace?.id).toBe(firstProof.traceId);
      expect(trace?.spans.length).toBeGreaterThanOrEqual(35);
      const found = trace ? Object.keys(services(trace)) : [];
      expect(found).toEqual(
        expect.arrayContaining(['frontend', 'customer', 'driver', 'route', 'tracewright']),
      );
      expect(firstProof.longest.traceId).toMatch(/^[0-9a-f]{32}$/);
    });

    it('let the operator make the collector, and Prometheus scrape', async () => {
      const deployment = await kube.json<{ metadata: { ownerReferences?: { kind: string }[] } }>({
        path: '/apis/apps/v1/namespaces/otel-system/deployments/otel-collector-collector',
      });
      expect(deployment.metadata.ownerReferences?.[0]?.kind).toBe('OpenTelemetryCollector');
      const prometheus = {
        namespace: 'monitoring',
        service: 'kube-stack-prometheus-kube-prometheus',
        port: 9090,
      };
      const { body } = await kube.serviceRequest(prometheus, '/api/v1/query?query=up');
      expect(body).toContain('"status":"success"');
      expect(body).toContain('"1"]');
    });

    it('keeps the kubeconfig to its owner', async () => {
      const { cluster } = await status();
      const path = cluster?.kubeconfigPath ?? '';
      expect(path.startsWith(stateDir)).toBe(true);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
    });

    it(
      'run again finds everything in place, adds no revision and proves with a fresh ride',
      { timeout: 120_000 },
      async () => {
        const { exitCode, stdout, stderr } = await cli.run('up');
        expect(exitCode, stdout + stderr).toBe(0);
        const { proof, run, steps } = await status();
        expect(run).toBe(2);
        expect(proof?.traceId).not.toBe(firstProof.traceId);
        expect(steps.find(({ name }) => name === 'cluster')?.outcome).toContain('already there');
        for (const release of releases)
          expect((await observeRelease(kube, release))?.revision, release.name).toBe(1);
      },
    );

    it('survives that its worker and its Temporal server are killed', { timeout: 120_000 }, async () => {
      for (const record of ['worker/worker.json', 'temporal/server.json']) {
        const { pid } = JSON.parse(await readFile(`${stateDir}/${record}`, 'utf8')) as { pid: number };
        process.kill(pid, 'SIGKILL');
      }
      const { exitCode, stdout, stderr } = await cli.run('verify');
      expect(exitCode, stdout + stderr).toBe(0);
      expect((await status()).run).toBe(3);
    });

    it(
      'takes everything away and leaves nothing running, mounted or linked',
      { timeout: 120_000 },
      async () => {
        kube.close();
        const { exitCode, stdout, stderr } = await cli.run('down');
        expect(exitCode, stdout + stderr).toBe(0);
        // Tests beside this one mount, start and end things of their own; `npm run test:residue` is the strict look.
        const cluster = clusterFolder(stateDir, 'embedded');
        expect(await residueOf({ stateDir, cluster }, before)).toEqual([]);
        expect(await readdir(join(stateDir, 'environments')), 'files of the environment').toEqual([]);
        const again = await cli.run('down');
        expect(again.exitCode).toBe(0);
        expect(again.stdout).toContain('nothing to take away');
      },
    );
  },
);
