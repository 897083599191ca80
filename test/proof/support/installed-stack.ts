import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { isTracewrightError, type TracewrightError } from '../../../src/domain/failure.js';
import { releasesOf } from '../../../src/domain/release.js';
import type { Progress } from '../../../src/domain/progress.js';
import type { Proof } from '../../../src/domain/proof.js';
import type { Stack } from '../../../src/domain/stack.js';
import { proveStack, type ProveOptions } from '../../../src/proof/verify.js';
import { loadStack } from '../../../src/stack-file.js';
import { clusterFolder } from '../../../src/targets/embedded/folder.js';
import { findNode } from '../../../src/targets/embedded/processes.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { connectKubernetes, type Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { createCli } from '../../e2e/cli.js';
import { StackBreaker, type Breakage } from './stack-breaker.js';

/** Enough for a stack that works, mostly; a broken one is not worth more. In milliseconds. */
export const impatient = {
  rideStartMs: 3_000,
  collectorMs: 8_000,
  byIdMs: 8_000,
  searchMs: 10_000,
  grafanaMs: 1_000,
};

/** The embedded stack on a cluster of its own, without Prometheus, to be broken for real at one hop after the other. */
export class InstalledStack {
  readonly cli: ReturnType<typeof createCli>;
  readonly kube: Kubernetes;
  readonly stack: Stack;
  /** As `up` takes it. */
  readonly file: string;
  private readonly stateDir: string;
  private readonly breaker: StackBreaker;

  private constructor(parts: {
    file: string;
    stateDir: string;
    cli: ReturnType<typeof createCli>;
    kube: Kubernetes;
    stack: Stack;
    breaker: StackBreaker;
  }) {
    ({
      file: this.file,
      stateDir: this.stateDir,
      cli: this.cli,
      kube: this.kube,
      stack: this.stack,
      breaker: this.breaker,
    } = parts);
  }

  static async install(): Promise<InstalledStack> {
    const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-hops-'));
    const cli = createCli(stateDir);
    const file = join(stateDir, 'stack.yaml');
    await writeFile(file, await withoutPrometheus());
    const { exitCode, stdout, stderr } = await cli.run('up', '--stack', file);
    if (exitCode !== 0) throw new Error(`up failed:\n${stdout}\n${stderr}`);
    const { cluster } = JSON.parse((await cli.run('status', '--json')).stdout) as Progress;
    const kube = connectKubernetes({ kubeconfigPath: cluster?.kubeconfigPath ?? '' });
    const { stack } = await loadStack(file, { builtInDir: stateDir });
    const node = await findNode(clusterFolder(stateDir, 'embedded').id);
    if (!node) throw new Error('The node does not run.');
    const network = `/proc/${String(node.pid)}/ns/net`;
    const breaker = await StackBreaker.of(kube, stack.proof.collector.podSelector, network);
    return new InstalledStack({ file, stateDir, cli, kube, stack, breaker });
  }

  async remove(): Promise<void> {
    this.kube.close();
    await this.cli.run('down');
    await rm(this.stateDir, { recursive: true, force: true });
  }

  /** Repairs what was broken before, breaks what is to be broken, and waits until the cluster has followed. */
  async become(wanted: Breakage): Promise<void> {
    await this.breaker.become(wanted);
  }

  async prove(options: Partial<ProveOptions> = {}): Promise<Proof> {
    return proveStack({
      kube: this.kube,
      cluster: this.kube,
      spec: this.stack.proof,
      manifests: Object.values(this.stack.components).flatMap(({ manifests }) => manifests ?? []),
      releases: releasesOf(this.stack),
      stackName: 'embedded',
      signal: new AbortController().signal,
      ...options,
    });
  }

  /** The failure of a verification that must not succeed. */
  async failure(options: Partial<ProveOptions> = {}): Promise<TracewrightError> {
    const result: unknown = await this.prove({
      limits: impatient,
      ...options,
    }).catch((error: unknown) => error);
    if (isTracewrightError(result)) return result;
    throw result instanceof Error ? result : new Error(`It was proved: ${JSON.stringify(result)}`);
  }

  /**
   * What the cluster shows of a Grafana: its Service and the datasource that it is provisioned with. Grafana itself is
   * not to be had here: a pod of HotROD stands behind the Service.
   */
  async addGrafana(tempoUrl: string): Promise<void> {
    const datasources = [{ name: 'Tempo', type: 'tempo', url: tempoUrl }];
    await applyObjects(this.kube, {
      namespace: 'default',
      owner: { environment: 'embedded', component: 'grafana' },
      objects: [
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'grafana' },
          spec: { selector: { app: 'example-hotrod' }, ports: [{ port: 80, targetPort: 8080 }] },
        },
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'grafana-datasource', labels: { grafana_datasource: '1' } },
          data: { 'datasource.yaml': stringify({ apiVersion: 1, datasources }) },
        },
      ],
    });
  }

  /** In the namespace of Grafana. */
  async addSecret(name: string, stringData: Readonly<Record<string, string>>): Promise<void> {
    await applyObjects(this.kube, {
      namespace: 'default',
      owner: { environment: 'embedded', component: 'grafana' },
      objects: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData }],
    });
  }
}

async function withoutPrometheus(): Promise<string> {
  const file = new URL('../../../stacks/embedded.yaml', import.meta.url);
  const stack = parse(await readFile(file, 'utf8')) as { components: Record<string, unknown> };
  delete stack.components['prometheus-stack'];
  return stringify(stack);
}
