import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { createEmbeddedTarget } from '../../../src/targets/embedded/target.js';
import type { Target } from '../../../src/targets/target.js';
import { connectKubernetes, type Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { renderComponent } from '../../charts/render.js';
import { writeChart } from '../chart.js';
import { openExitTo, type Exit } from '../docker/exit.js';
import { gatewayOf } from '../docker/worker-image.js';
import { embeddedPrograms } from '../embedded-cluster.js';
import type { ComposeBed } from './bed.js';

/** The user of the worker's image. */
const workerUser = 10_001;

/** A cluster that exists: an embedded one of this machine, which containers of the engine reach through a port of the box. */
export class ExistingCluster {
  readonly kube: Kubernetes;
  /** Of its kubeconfig. */
  readonly context: string;
  private readonly target: Target;
  private readonly exit: Exit;
  private readonly stateDir: string;

  private constructor(parts: {
    kube: Kubernetes;
    context: string;
    target: Target;
    exit: Exit;
    stateDir: string;
  }) {
    ({
      kube: this.kube,
      context: this.context,
      target: this.target,
      exit: this.exit,
      stateDir: this.stateDir,
    } = parts);
  }

  /** Makes it, and gives the worker its kubeconfig and a chart as deploy/README.md says. */
  static async create(bed: ComposeBed): Promise<ExistingCluster> {
    const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-existing-'));
    const target = createEmbeddedTarget({ name: 'existing', stateDir, build: await embeddedPrograms() });
    const { kubeconfigPath } = await target.create({ onProgress: () => undefined });
    const config = parse(await readFile(kubeconfigPath, 'utf8')) as Kubeconfig;
    const [cluster] = config.clusters;
    if (!cluster) throw new Error('The kubeconfig has no cluster.');
    const { hostname: host, port } = new URL(cluster.cluster.server);
    const exit = await openExitTo(bed.engine.network, join(bed.engine.folder, 'cluster.sock'), {
      host,
      port: Number(port),
    });
    cluster.cluster['tls-server-name'] = host;
    cluster.cluster.server = `https://${await gatewayOf(bed.engine)}:${String(exit.port)}`;
    const folder = join(bed.folder, 'deploy/kubeconfig');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config'), stringify(config), { mode: 0o400 });
    await chown(join(folder, 'config'), workerUser, workerUser);
    await writeChart(join(folder, 'chart'));
    return new ExistingCluster({
      kube: connectKubernetes({ kubeconfigPath }),
      context: config['current-context'],
      target,
      exit,
      stateDir,
    });
  }

  async remove(): Promise<void> {
    this.kube.close();
    this.exit.close();
    await this.target.delete();
    await rm(this.stateDir, { recursive: true, force: true });
  }
}

interface Kubeconfig {
  readonly 'current-context': string;
  readonly clusters: { readonly cluster: { server: string; 'tls-server-name'?: string } }[];
}

interface StackFile {
  readonly components: Record<string, { manifests?: { namespace: string; objects: object[] } }>;
  readonly proof: Record<string, unknown>;
  readonly open?: unknown;
}

/**
 * The embedded stack as objects, for a worker that has no charts of ours: a store, a collector without its operator,
 * HotROD, and a release. In namespaces of its own, so that several environments have room in one cluster.
 * @param name of the stack and the environment
 * @param chart of the release, as a stack file names it @default one that lies where the worker sees it
 */
export async function stackText(
  name: string,
  chart: object = { path: '/kubeconfig/chart' },
): Promise<string> {
  const file = new URL('../../../stacks/embedded.yaml', import.meta.url);
  const builtIn = parse(await readFile(file, 'utf8')) as StackFile;
  const place = (text: string): string =>
    text
      .replaceAll(/\b(tempo|otel-collector-collector)\.(tracing|otel-system)\b/gu, `$1.${name}`)
      .replaceAll('otel-collector-collector', 'collector')
      // Rendered by helm, but no release.
      .replaceAll('"app.kubernetes.io/managed-by":"Helm"', '"app.kubernetes.io/part-of":"stack"');
  const config = (builtIn.components['collector']?.manifests?.objects[0] as { spec: { config: string } }).spec
    .config;
  const hotrod = builtIn.components['hotrod']?.manifests?.objects ?? [];
  const store = await renderComponent('trace-store');
  const label = { app: 'collector' };
  const collector = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'collector' },
      data: { 'collector.yaml': place(config) },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'collector' },
      spec: { selector: label, ports: [4318, 14268].map((port) => ({ name: `p${String(port)}`, port })) },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'collector' },
      spec: {
        selector: { matchLabels: label },
        template: {
          metadata: { labels: label },
          spec: {
            containers: [
              {
                name: 'collector',
                image: 'otel/opentelemetry-collector-contrib:0.73.0',
                args: ['--config=/conf/collector.yaml'],
                volumeMounts: [{ name: 'conf', mountPath: '/conf' }],
              },
            ],
            volumes: [{ name: 'conf', configMap: { name: 'collector' } }],
          },
        },
      },
    },
  ];
  const manifests = (objects: readonly object[], ...ready: object[]): object => ({
    manifests: { namespace: name, objects: JSON.parse(place(JSON.stringify(objects))) as object[] },
    ready,
  });
  const { proof } = builtIn;
  const at = (part: string, more: object): object => ({
    ...(proof[part] as object),
    namespace: name,
    ...more,
  });
  return stringify({
    name,
    description: 'The embedded stack without an operator',
    targets: ['kubeconfig'],
    components: {
      store: manifests(store, { rollout: 'StatefulSet/trace-store' }),
      collector: { needs: ['store'], ...manifests(collector, { rollout: 'Deployment/collector' }) },
      chart: {
        release: { namespace: name, chart },
        needs: ['collector'],
        ready: [{ rollout: 'Deployment/collector' }],
      },
      hotrod: {
        needs: ['chart'],
        ...manifests(hotrod, { rollout: 'Deployment/example-hotrod' }),
      },
    },
    proof: {
      ...proof,
      ride: at('ride', {}),
      collector: at('collector', { service: 'collector', podSelector: 'app=collector' }),
      tempo: at('tempo', {}),
    },
  });
}
