import { setTimeout as sleep } from 'node:timers/promises';
import { TracewrightError } from '../../domain/failure.js';
import { deadlineIn } from '../../domain/time-limits.js';
import type { Kubernetes } from './connection.js';
import type { Condition, KubernetesObject } from './objects.js';
import { listMetadata } from './observe.js';
import { cancelled } from './transport.js';
import { waitFor, type WaitLimits } from './wait-for.js';

export const definitionKind = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
} as const;
const discoveryPauseMs = 50;
const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/**
 * Returns when the API server serves the kinds of these CustomResourceDefinitions. A server that has just been killed
 * and restarted takes its time: nothing but the deadline ends the wait.
 * @param limits the deadline is 5 minutes by default
 * @throws TracewrightError `manifest.rejected` with the names that conflict, `manifest.not-served` (transient) at the
 * deadline
 */
export async function waitEstablished(
  kube: Kubernetes,
  names: readonly string[],
  { deadline = deadlineIn(300_000), signal }: Partial<WaitLimits> = {},
): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      await established(kube, name, { deadline, signal });
      await discovered(kube, name, { deadline, signal });
    }),
  );
}

/** Some objects of the kind that a CustomResourceDefinition defines: their metadata. */
export async function instancesOf(
  kube: Kubernetes,
  definition: KubernetesObject,
  { limit, signal }: { limit: number; signal?: AbortSignal | undefined },
): Promise<readonly KubernetesObject[]> {
  const { group, names, versions } = (definition as unknown as Definition).spec;
  const version = versions.find(({ served }) => served);
  if (!version) return [];
  return listMetadata(kube, { apiVersion: `${group}/${version.name}`, kind: names.kind, limit, signal });
}

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly served: boolean }[];
  };
}

async function established(kube: Kubernetes, name: string, limits: WaitLimits): Promise<void> {
  const isServed = (definition: KubernetesObject | undefined): boolean => {
    const accepted = conditionOf(definition, 'NamesAccepted');
    // PluralConflict, KindConflict and so on: that other definition will not go by itself.
    if (accepted?.status === 'False' && accepted.reason?.endsWith('Conflict'))
      throw conflict(name, accepted.message ?? accepted.reason);
    return conditionOf(definition, 'Established')?.status === 'True';
  };
  const { signal } = limits;
  // Most are served at once: a read is cheaper than a watch.
  if (isServed(await kube.json<KubernetesObject>({ path: `${path}/${name}`, signal }))) return;
  const { held, items } = await waitFor<KubernetesObject>(
    kube,
    { path, fieldSelector: `metadata.name=${name}` },
    (found) => isServed(found.get(name)),
    limits,
  );
  if (held) return;
  const { reason, message } = conditionOf(items.get(name), 'Established') ?? {};
  throw notServed(name, message ?? reason ?? 'no reason given');
}

/** The server tells of a new kind some moments after it calls it established, and there is nothing to watch. */
async function discovered(kube: Kubernetes, name: string, { deadline, signal }: WaitLimits): Promise<void> {
  const { spec } = await kube.json<Definition>({ path: `${path}/${name}`, signal });
  for (const { name: version } of spec.versions.filter(({ served }) => served)) {
    const apiVersion = `${spec.group}/${version}`;
    while (!(await kube.discovery.find(apiVersion, spec.names.kind, signal))) {
      if (deadline.leftMs() === 0) throw notServed(name, `${apiVersion} is not in the discovery yet`);
      await sleep(discoveryPauseMs, undefined, { signal }).catch(() => {
        throw cancelled();
      });
    }
  }
}

function conditionOf(object: KubernetesObject | undefined, type: string): Condition | undefined {
  return (object?.status as { conditions?: Condition[] } | undefined)?.conditions?.find(
    (condition) => condition.type === type,
  );
}

function conflict(name: string, why: string): TracewrightError {
  return new TracewrightError({
    type: 'manifest.rejected',
    message: `The API server does not accept the names of the CustomResourceDefinition ${name}: ${why}.`,
    remedy: 'Delete the definition that has the same names: `kubectl get crd` lists them.',
  });
}

function notServed(name: string, why: string): TracewrightError {
  return new TracewrightError({
    type: 'manifest.not-served',
    message: `The API server has taken the CustomResourceDefinition ${name}, but does not serve it yet: ${why}.`,
    remedy: 'Look whether the API server and etcd keep up; the step is tried again.',
  });
}
