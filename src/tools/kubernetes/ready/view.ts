import type { TracewrightError } from '../../../domain/failure.js';
import type { Kubernetes } from '../connection.js';
import { selects, type ClusterEvent, type Pod, type Workload } from '../objects.js';
import { watchCollection, type CollectionWatch } from '../watch.js';
import { timeOf } from './pods.js';
import type { WorkloadKind } from './workloads.js';

/** What is going on in one namespace, kept up to date by watches. */
export interface NamespaceView {
  readonly synced: boolean;
  readonly failure: TracewrightError | undefined;
  workload(kind: WorkloadKind, name: string): Workload | undefined;
  podsOf(workload: Workload | undefined): readonly Pod[];
  podsWith(labels: Readonly<Record<string, string>>): readonly Pod[];
  /** Oldest first. */
  eventsOf(name: string, kind?: string): readonly ClusterEvent[];
  stop(): void;
}

const collections = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
} as const;

/** Watches pods, events and the workloads of the kinds asked for; one connection each. */
export function viewNamespace(
  kube: Kubernetes,
  {
    namespace,
    kinds,
    onChange,
  }: { namespace: string; kinds: ReadonlySet<WorkloadKind>; onChange: () => void },
): NamespaceView {
  const watch = <T extends Pod | ClusterEvent | Workload>(path: string): CollectionWatch<T> =>
    watchCollection<T>(kube, { path, onChange });
  const pods = watch<Pod>(`/api/v1/namespaces/${namespace}/pods`);
  const events = watch<ClusterEvent>(`/api/v1/namespaces/${namespace}/events`);
  const workloads = new Map(
    [...kinds].map((kind) => [
      kind,
      watch<Workload>(`/apis/apps/v1/namespaces/${namespace}/${collections[kind]}`),
    ]),
  );
  const all = [pods, ...workloads.values()];
  const living = (): Pod[] =>
    [...pods.items.values()].filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return {
    get synced() {
      return all.every(({ synced }) => synced);
    },
    get failure() {
      // Events only explain: whoever may not read them can still wait.
      return all.find(({ failure }) => failure)?.failure;
    },
    workload: (kind, name) => workloads.get(kind)?.items.get(name),
    podsOf: (workload) =>
      workload ? living().filter(({ metadata }) => selects(workload.spec.selector, metadata.labels)) : [],
    podsWith: (matchLabels) => living().filter(({ metadata }) => selects({ matchLabels }, metadata.labels)),
    eventsOf: (name, kind = 'Pod') =>
      [...events.items.values()]
        .filter(({ involvedObject }) => involvedObject.name === name && involvedObject.kind === kind)
        .sort((a, b) => timeOf(a) - timeOf(b)),
    stop() {
      for (const one of [...all, events]) one.stop();
    },
  };
}
