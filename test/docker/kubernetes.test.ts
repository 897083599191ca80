import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environmentWorkflowId } from '../../src/domain/names.js';
import type { Progress } from '../../src/domain/progress.js';
import { observeRelease } from '../../src/tools/helm/release-record.js';
import type { CliResult } from '../e2e/cli.js';
import { until } from '../proof/support/stack-breaker.js';
import {
  clusterDifferences,
  snapshotWhenAsBefore,
  snapshotWhenStill,
  type ClusterSnapshot,
} from '../support/cluster-snapshot.js';
import { whyNoDocker } from '../support/docker/package.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { openKubernetesBed, temporalNamespace, type KubernetesBed } from '../support/kubernetes/bed.js';
import { workerTags, writeVersion } from '../support/kubernetes/overlays.js';
import { versionsIn, WorkerVersions } from '../support/worker-versions.js';
import { startRealHarness, useHarness } from '../workflows/harness.js';

const reason = (await whyNoCluster()) ?? (await whyNoDocker());
const stack = 'pods';
const [, ...upgrades] = workerTags;
const inCluster = ['--kubeconfig', '/kubeconfig/in-cluster', '--context', 'in-cluster'];
/** The server lets three minutes go by, in case somebody still starts workflows of the old version. */
const drainsAtOnce = ['VisibilityGracePeriod', 'RefreshInterval'].flatMap((name) => [
  '--dynamic-config-value',
  `matching.wv.VersionDrainageStatus${name}="1s"`,
]);

/**
 * deploy/kubernetes as it stands, under the overlays of its page in the docs: the image of deploy/Dockerfile runs as a pod
 * and installs into the cluster that it runs in. Its Temporal server is outside.
 */
describe.skipIf(reason !== undefined)(
  `the worker as a Deployment${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  { timeout: 240_000 },
  () => {
    const harness = useHarness(() => startRealHarness('--namespace', temporalNamespace, ...drainsAtOnce));
    const versions = new WorkerVersions(() => harness.env.address, temporalNamespace);
    let bed: KubernetesBed;
    let before: ClusterSnapshot;

    beforeAll(async () => {
      bed = await openKubernetesBed(harness.env.address);
      before = await snapshotWhenStill(bed.cluster.kube);
    }, 20 * 60_000);
    afterAll(() => bed.close(), 120_000);

    const kubectl = (...args: string[]): Promise<string> =>
      bed.cluster.kubectl('--namespace', 'tracewright', ...args);
    const apply = async (overlay: string, deployment: string): Promise<void> => {
      await kubectl('apply', '--kustomize', join(bed.folder, overlay));
      await kubectl('rollout', 'status', `deployment/${deployment}`, '--timeout', '120s');
    };
    const good = async (...args: string[]): Promise<CliResult> => {
      const result = await bed.cli.run(...args);
      expect(result.exitCode, result.stdout + result.stderr).toBe(0);
      return result;
    };
    const progress = async (): Promise<Progress | undefined> => {
      const { stdout } = await bed.cli.run('status', '--name', stack, '--json');
      return stdout.startsWith('{') ? (JSON.parse(stdout) as Progress) : undefined;
    };
    const workflow = () =>
      new Client({ connection: harness.env.connection, namespace: temporalNamespace }).workflow.getHandle(
        environmentWorkflowId(stack),
      );
    const pods = async (): Promise<string[]> =>
      (await kubectl('get', 'pods', '--output', 'name')).split('\n').filter((it) => it !== '');

    it('becomes ready, with an API key and keys for payloads from a Secret', async () => {
      await apply('secrets', 'worker');
      expect(await pods()).toHaveLength(1);
    });

    it('installs a stack into its own cluster, though its pod is lost in the middle', async () => {
      const file = await bed.writeStack(stack);
      bed.charts.mischief = 'hang';
      const up = good('up', '--stack', file, ...inCluster, '--fail-fast');
      up.catch(() => undefined);
      await until('the worker asks for the chart', () =>
        Promise.resolve(bed.charts.requests.some((path) => path.endsWith('.tgz'))),
      );
      const [lost = ''] = await pods();
      await kubectl('delete', '--grace-period', '0', '--force', lost);
      bed.charts.mischief = undefined;
      await up;
      expect((await progress())?.phase).toBe('Ready');
      expect(await pods()).not.toContain(lost);
      expect((await observeRelease(bed.cluster.kube, { namespace: stack, name: 'chart' }))?.revision).toBe(1);
    });

    it('hands its environments over to a new version, which drains the old one', async () => {
      let old = 'worker';
      for (const version of upgrades) {
        const deployment = await writeVersion(bed.folder, version);
        await apply('version', deployment);
        await versions.makeCurrent(version);
        await good('verify', '--name', stack);
        await kubectl('delete', 'deployment', old);
        old = deployment;
      }
      expect(await versionsIn(workflow())).toEqual(upgrades);
      await expect.poll(() => versions.drainage(), { timeout: 60_000 }).toMatchObject({ '0.2.0': 'drained' });
      await good('verify', '--name', stack);
    });

    it('takes the stack away again', async () => {
      await good('down', '--name', stack);
    });

    it('goes with its manifest, and nothing of it is left', async () => {
      await kubectl('delete', '--kustomize', join(bed.folder, 'version'));
      expect(clusterDifferences(before, await snapshotWhenAsBefore(bed.cluster.kube, before))).toEqual([]);
    });
  },
);
