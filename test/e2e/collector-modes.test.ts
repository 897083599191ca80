import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtInStacks } from '../../src/cli/stack-sources.js';
import type { Progress } from '../../src/domain/progress.js';
import type { Component, Stack } from '../../src/domain/stack.js';
import { loadStack } from '../../src/stack-file.js';
import { clusterFolder } from '../../src/targets/embedded/folder.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import type { ObjectList, ObjectMeta, Pod } from '../../src/tools/kubernetes/objects.js';
import { embeddedPrograms, whyNoCluster } from '../support/embedded-cluster.js';
import { createCli, type Cli } from './cli.js';

const reason = await whyNoCluster();

const folder = resolve(import.meta.dirname, '../../docs/how-to/collector-modes');
const hotrodPath = '/apis/apps/v1/namespaces/default/deployments/example-hotrod';
const injection = 'sidecar.opentelemetry.io/inject';

interface Workload {
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** One environment, whose stack is exchanged for the next: what the former mode made must be gone. */
describe.skipIf(reason !== undefined)(
  `the modes of the collector${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  { timeout: 300_000 },
  () => {
    let stateDir: string;
    let cli: Cli;
    let kube: Kubernetes | undefined;
    const cluster = (): Kubernetes =>
      (kube ??= connectKubernetes({ kubeconfigPath: clusterFolder(stateDir, 'modes').kubeconfig }));

    beforeAll(async () => {
      await embeddedPrograms();
      stateDir = await mkdtemp(join(tmpdir(), 'tracewright-modes-'));
      cli = createCli(stateDir);
    }, 15 * 60_000);
    afterAll(async () => {
      kube?.close();
      await cli.run('down', '--name', 'modes');
      await rm(stateDir, { recursive: true, force: true });
    }, 180_000);

    async function up(stack: string): Promise<Progress> {
      const { exitCode, stdout, stderr } = await cli.run('up', '--name', 'modes', '--stack', stack);
      expect(exitCode, stdout + stderr).toBe(0);
      return JSON.parse((await cli.run('status', '--name', 'modes', '--json')).stdout) as Progress;
    }

    /** What the operator has made of collectors, by kind and name. */
    async function workloads(): Promise<string[]> {
      const kinds = ['Deployment', 'DaemonSet', 'StatefulSet'];
      const labelSelector = 'app.kubernetes.io/component=opentelemetry-collector';
      const lists = kinds.map(async (kind) => {
        const path = `/apis/apps/v1/${kind.toLowerCase()}s`;
        const { items } = await cluster().json<ObjectList<Workload>>({ path, query: { labelSelector } });
        return (items ?? []).map(({ metadata }) => `${kind}/${metadata.name}`);
      });
      return (await Promise.all(lists)).flat();
    }

    async function hotrodContainers(): Promise<string[][]> {
      const path = '/api/v1/namespaces/default/pods';
      const query = { labelSelector: 'app=example-hotrod' };
      const { items } = await cluster().json<ObjectList<Pod>>({ path, query });
      return (items ?? [])
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ spec }) => spec.containers.map(({ name }) => name));
    }

    const passed = ({ proof }: Progress): string[] =>
      (proof?.checks ?? []).filter(({ state }) => state === 'passed').map(({ name }) => name);
    const proved = ['ride', 'collector-log', 'tempo-by-id', 'traceql'];

    it.each([
      ['embedded', 'Deployment/otel-collector-collector'],
      [join(folder, 'daemonset.yaml'), 'DaemonSet/otel-daemonset-collector'],
      [join(folder, 'statefulset.yaml'), 'StatefulSet/otel-statefulset-collector'],
    ])('%s: proved, with nothing of the mode before', async (stack, workload) => {
      const progress = await up(stack);
      expect(progress.phase).toBe('Ready');
      expect(passed(progress)).toEqual(proved);
      // The garbage collector of Kubernetes takes what belonged to the former mode.
      await expect.poll(workloads, { timeout: 60_000 }).toEqual([workload]);
    });

    it('as a sidecar: proved by the log of the container in the pod of HotROD', async () => {
      const progress = await up(join(folder, 'sidecar.yaml'));
      expect(passed(progress)).toEqual(proved);
      await expect.poll(workloads, { timeout: 60_000 }).toEqual([]);
      await expect.poll(hotrodContainers, { timeout: 60_000 }).toEqual([['example-hotrod', 'otc-container']]);
    });

    it('as a sidecar that a pod lacks: the hop is named, and up heals it', async () => {
      const off = { [injection]: 'false' };
      await cluster().json({
        method: 'PATCH',
        path: hotrodPath,
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ spec: { template: { metadata: { annotations: off } } } }),
      });
      await expect.poll(hotrodContainers, { timeout: 120_000 }).toEqual([['example-hotrod']]);
      const verify = await cli.run('verify', '--name', 'modes');
      expect(verify.exitCode, verify.stdout + verify.stderr).toBe(3);
      const said = verify.stdout.replaceAll(/\s+/gu, ' ');
      expect(said).toMatch(
        /\[hop\.collector\] .* pod example-hotrod-\S+ in default has no container otc-container; it has example-hotrod\./u,
      );
      expect(said).toContain(
        'Deployment default/example-hotrod differs in spec.template.metadata.annotations',
      );
      const progress = await up(join(folder, 'sidecar.yaml'));
      expect(passed(progress)).toEqual(proved);
    });
  },
);

describe('the stacks of the modes', () => {
  const load = async (file: string): Promise<Stack> =>
    (await loadStack(file, { builtInDir: builtInStacks })).stack;

  it.each(['daemonset', 'statefulset', 'sidecar'])(
    '%s: all else is as in the built-in stack',
    async (mode) => {
      const { components, proof, ...mine } = await load(join(folder, `${mode}.yaml`));
      const builtIn = await load('embedded');
      const { collector, hotrod, ...others } = components;
      const { collector: theirCollector, hotrod: theirHotrod, ...theirOthers } = builtIn.components;
      expect(others).toEqual(theirOthers);
      expect([mine.targets, mine.open]).toEqual([builtIn.targets, builtIn.open]);
      expect(configOf(collector)).toBe(configOf(theirCollector));
      expect(imageOf(hotrod)).toBe(imageOf(theirHotrod));
      expect({ ...proof, collector: undefined }).toEqual({ ...builtIn.proof, collector: undefined });
    },
  );
});

function configOf(collector: Component | undefined): unknown {
  return (collector?.manifests?.objects[0]?.['spec'] as { config?: unknown }).config;
}

function imageOf(hotrod: Component | undefined): string | undefined {
  return /"image":"([^"]+)"/u.exec(JSON.stringify(hotrod))?.[1];
}
