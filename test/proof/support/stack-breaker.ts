import { setTimeout as sleep } from 'node:timers/promises';
import type { Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import type { ObjectList, Pod } from '../../../src/tools/kubernetes/objects.js';
import { run } from '../../../src/tools/process.js';

type Selector = Readonly<Record<string, string>>;

/** How the stack is to be broken; what is left out works. */
export interface Breakage {
  /** The variables of HotROD's container. */
  readonly hotrodEnv?: Readonly<Record<string, string>>;
  readonly hotrodReplicas?: number;
  readonly collectorReplicas?: number;
  readonly collectorConfig?: (config: string) => string;
  /** With that configuration the collector does not start. */
  readonly collectorCrashes?: true;
  readonly tempoReplicas?: number;
  readonly tempoConfig?: (config: string) => string;
  /** With that configuration it does not start. */
  readonly tempoCrashes?: true;
  /** Of their Services. */
  readonly tempoSelector?: Selector;
  readonly collectorSelector?: Selector;
}

const paths = {
  hotrod: '/apis/apps/v1/namespaces/default/deployments/example-hotrod',
  collector: '/apis/opentelemetry.io/v1alpha1/namespaces/otel-system/opentelemetrycollectors/otel-collector',
  collectorDeployment: '/apis/apps/v1/namespaces/otel-system/deployments/otel-collector-collector',
  collectorPods: '/api/v1/namespaces/otel-system/pods',
  tempo: '/apis/apps/v1/namespaces/tracing/statefulsets/trace-store',
  tempoConfig: '/api/v1/namespaces/tracing/configmaps/trace-store',
  tempoPods: '/api/v1/namespaces/tracing/pods',
  tempoService: '/api/v1/namespaces/tracing/services/tempo',
  operator: '/apis/apps/v1/namespaces/otel-system/deployments/opentelemetry-operator',
  collectorService: '/api/v1/namespaces/otel-system/services/otel-collector-collector',
} as const;

interface Workload {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
  };
}

/** What was there before anything was broken. */
interface Pristine {
  readonly collector: string;
  readonly tempo: string;
  readonly tempoSelector: Selector;
  readonly collectorSelector: Selector;
}

/** Breaks the embedded stack at one hop after the other, and repairs it. */
export class StackBreaker {
  private readonly kube: Kubernetes;
  /** Of the collector's pods. */
  private readonly podSelector: string;
  /** The file of the node's network namespace. */
  private readonly network: string;
  private readonly pristine: Pristine;
  private present: Breakage = {};

  private constructor(kube: Kubernetes, podSelector: string, network: string, pristine: Pristine) {
    [this.kube, this.podSelector, this.network, this.pristine] = [kube, podSelector, network, pristine];
  }

  /**
   * @param podSelector of the collector's pods
   * @param network the file of the node's network namespace
   */
  static async of(kube: Kubernetes, podSelector: string, network: string): Promise<StackBreaker> {
    const { spec } = await kube.json<{ spec: { config: string } }>({ path: paths.collector });
    const { data } = await kube.json<{ data: Record<string, string> }>({ path: paths.tempoConfig });
    const selectorOf = async (path: string): Promise<Selector> =>
      (await kube.json<{ spec: { selector: Selector } }>({ path })).spec.selector;
    return new StackBreaker(kube, podSelector, network, {
      collector: spec.config,
      tempo: data['trace-store.yaml'] ?? '',
      tempoSelector: await selectorOf(paths.tempoService),
      collectorSelector: await selectorOf(paths.collectorService),
    });
  }

  /** Repairs what was broken before, breaks what is to be broken, and waits until the cluster has followed. */
  async become(wanted: Breakage): Promise<void> {
    const before = this.present;
    this.present = wanted;
    const differs = (...keys: (keyof Breakage)[]): boolean => keys.some((key) => before[key] !== wanted[key]);
    // First, as the operator rests while the selector is broken.
    if (differs('collectorSelector')) await this.changeCollectorSelector(wanted);
    if (differs('collectorConfig', 'collectorReplicas', 'collectorCrashes'))
      await this.changeCollector(wanted);
    await Promise.all([
      differs('tempoSelector') &&
        this.select(paths.tempoService, wanted.tempoSelector ?? this.pristine.tempoSelector),
      differs('hotrodEnv', 'hotrodReplicas') && this.changeHotrod(wanted),
      differs('tempoConfig', 'tempoReplicas', 'tempoCrashes') && this.changeTempo(wanted),
    ]);
  }

  private async changeHotrod({ hotrodEnv, hotrodReplicas = 1 }: Breakage): Promise<void> {
    const env = Object.entries({ ...(hotrodEnv ?? workingEnv), ...batching }).map(([name, value]) => ({
      name,
      value,
    }));
    await this.patch(paths.hotrod, [
      { op: 'replace', path: '/spec/template/spec/containers/0/env', value: env },
      { op: 'replace', path: '/spec/replicas', value: hotrodReplicas },
    ]);
    await this.rolledOut(paths.hotrod);
  }

  /** The operator follows the collector's object; what it makes of it is what counts. */
  private async changeCollector(wanted: Breakage): Promise<void> {
    const { collectorConfig, collectorReplicas = 1, collectorCrashes } = wanted;
    // Else the Deployment keeps the old pod, as the new one does not become ready.
    if (collectorCrashes) await this.changeCollector({ collectorReplicas: 0 });
    const before = await this.generations();
    const config = collectorConfig ? collectorConfig(this.pristine.collector) : this.pristine.collector;
    await this.patch(paths.collector, [
      { op: 'add', path: '/spec/config', value: config },
      { op: 'add', path: '/spec/replicas', value: collectorReplicas },
    ]);
    const { collector } = await this.generations();
    if (collector === before.collector) return;
    await until('the operator has changed the Deployment', async () => {
      return (await this.generations()).deployment > before.deployment;
    });
    if (collectorCrashes) await until('the collector has crashed', () => this.collectorHasCrashed());
    else {
      await this.rolledOut(paths.collectorDeployment);
      if (collectorReplicas > 0) await this.collectorAnswers();
    }
  }

  private async generations(): Promise<{ collector: number; deployment: number }> {
    const [collector, deployment] = await Promise.all(
      [paths.collector, paths.collectorDeployment].map((path) => this.kube.json<Workload>({ path })),
    );
    return {
      collector: collector?.metadata.generation ?? 0,
      deployment: deployment?.metadata.generation ?? 0,
    };
  }

  private async collectorHasCrashed(): Promise<boolean> {
    return (await this.collectorPods()).some(({ status }) =>
      status?.containerStatuses?.some(({ restartCount = 0 }) => restartCount > 0),
    );
  }

  private async collectorPods(): Promise<readonly Pod[]> {
    const query = { labelSelector: this.podSelector };
    return (await this.kube.json<ObjectList<Pod>>({ path: paths.collectorPods, query })).items ?? [];
  }

  /** A collector that could not reach Tempo tries again after up to two minutes: a new one tries at once. */
  private async renewCollector(): Promise<void> {
    const old = (await this.collectorPods()).map(({ metadata }) => metadata.name);
    const query = { gracePeriodSeconds: 0 };
    for (const name of old)
      await this.kube.json({ method: 'DELETE', path: `${paths.collectorPods}/${name}`, query });
    await until('there is a new collector', async () =>
      (await this.collectorPods()).some(({ metadata }) => !old.includes(metadata.name)),
    );
    await this.rolledOut(paths.collectorDeployment);
    await this.collectorAnswers();
  }

  /** kube-proxy follows the endpoints a moment later, and HotROD sends no spans a second time. */
  private async collectorAnswers(): Promise<void> {
    const { spec } = await this.kube.json<{ spec: { clusterIP: string } }>({ path: paths.collectorService });
    const connect = (port: number): Promise<boolean> =>
      run('nsenter', [
        ...[`--net=${this.network}`, 'timeout', '1'],
        ...['bash', '-c', 'exec 3<>"/dev/tcp/$0/$1"', spec.clusterIP, String(port)],
      ]).then(
        () => true,
        () => false,
      );
    await until("the collector's Service leads to its pod", async () =>
      (await Promise.all(receiverPorts.map(connect))).includes(true),
    );
  }

  /** The operator would fix its Service at once. */
  private async changeCollectorSelector({ collectorSelector }: Breakage): Promise<void> {
    if (collectorSelector) await this.scale(paths.operator, 0);
    await this.select(paths.collectorService, collectorSelector ?? this.pristine.collectorSelector);
    if (collectorSelector) return;
    await this.scale(paths.operator, 1);
    await this.collectorAnswers();
  }

  private async select(path: string, value: Selector): Promise<void> {
    await this.patch(path, [{ op: 'replace', path: '/spec/selector', value }]);
  }

  private async changeTempo({ tempoConfig, tempoReplicas = 1, tempoCrashes }: Breakage): Promise<void> {
    const config = tempoConfig ? tempoConfig(this.pristine.tempo) : this.pristine.tempo;
    await this.patch(paths.tempoConfig, [{ op: 'replace', path: '/data/trace-store.yaml', value: config }]);
    await this.scale(paths.tempo, 0);
    if (tempoReplicas === 0) return;
    if (tempoCrashes) await this.crashTempo();
    else await this.scale(paths.tempo, tempoReplicas);
    await this.renewCollector();
  }

  private async crashTempo(): Promise<void> {
    await this.patch(paths.tempo, [{ op: 'replace', path: '/spec/replicas', value: 1 }]);
    await until('the trace store has crashed', async () => {
      const pods = (await this.kube.json<ObjectList<Pod>>({ path: paths.tempoPods })).items ?? [];
      return pods
        .flatMap(({ status }) => status?.containerStatuses ?? [])
        .some(({ restartCount = 0 }) => restartCount > 0);
    });
  }

  private async scale(path: string, replicas: number): Promise<void> {
    await this.patch(path, [{ op: 'replace', path: '/spec/replicas', value: replicas }]);
    await this.rolledOut(path);
  }

  private async patch(path: string, operations: readonly object[]): Promise<void> {
    const headers = { 'content-type': 'application/json-patch+json' };
    await this.kube.json({ method: 'PATCH', path, headers, body: JSON.stringify(operations) });
  }

  private rolledOut(path: string): Promise<void> {
    return until(`${path} has followed`, async () => {
      const { metadata, spec, status } = await this.kube.json<Workload>({ path });
      const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, readyReplicas = 0 } = status;
      return (
        observedGeneration >= metadata.generation &&
        [replicas, readyReplicas, spec.replicas === 0 ? 0 : updatedReplicas].every(
          (count) => count === spec.replicas,
        )
      );
    });
  }
}

export const workingEnv = {
  OTEL_EXPORTER_JAEGER_ENDPOINT:
    'http://otel-collector-collector.otel-system.svc.cluster.local:14268/api/traces',
};

/** Of jaeger (thrift_http) and OTLP (HTTP); one of them no breakage takes away. */
const receiverPorts = [14268, 4318];

/** What the stack sets besides, and no breakage takes away: else it would count as changed by hand. */
const batching = { OTEL_BSP_SCHEDULE_DELAY: '200' };

/** Events of a real cluster, with a limit that only a hang reaches. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`In vain waited until ${what}.`);
    await sleep(200);
  }
}
