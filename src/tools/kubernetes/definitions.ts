import { setTimeout as sleep } from 'node:timers/promises';
import { TracewrightError } from '../../domain/failure.js';
import type { Kubernetes } from './connection.js';
import type { Condition, KubernetesObject } from './objects.js';
import { listMetadata } from './observe.js';
import { cancelled } from './transport.js';
import { watchCollection } from './watch.js';

export const definitionKind = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
} as const;
const discoveryPauseMs = 50;
const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/**
 * Returns when the API server serves the kinds of these CustomResourceDefinitions.
 * @throws TracewrightError `manifest.rejected` with the names that conflict, or after `timeoutMs` (default 30000)
 */
export async function waitEstablished(
  kube: Kubernetes,
  names: readonly string[],
  { timeoutMs = 30_000, signal }: { timeoutMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      await established(kube, name, timeoutMs, signal);
      await discovered(kube, name, timeoutMs, signal);
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

/** The server tells of a new kind some moments after it calls it established, and there is nothing to watch. */
async function discovered(
  kube: Kubernetes,
  name: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { spec } = await kube.json<Definition>({ path: `${path}/${name}`, signal });
  const apiVersions = spec.versions
    .filter(({ served }) => served)
    .map((version) => `${spec.group}/${version.name}`);
  const deadline = Date.now() + timeoutMs;
  for (const apiVersion of apiVersions) {
    while (Date.now() < deadline && !(await kube.discovery.find(apiVersion, spec.names.kind, signal))) {
      await sleep(discoveryPauseMs);
    }
  }
}

async function established(
  kube: Kubernetes,
  name: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const now = await kube.json<KubernetesObject>({ path: `${path}/${name}`, signal });
  if (conditionOf(now, 'Established')?.status === 'True') return;
  await new Promise<void>((resolve, reject) => {
    const finish = (error?: TracewrightError): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      watch.stop();
      if (error) reject(error);
      else resolve();
    };
    const onAbort = (): void => {
      finish(cancelled());
    };
    const timer = setTimeout(() => {
      finish(notEstablished(name, watch.items.get(name), timeoutMs));
    }, timeoutMs);
    const watch = watchCollection<KubernetesObject>(kube, {
      path,
      fieldSelector: `metadata.name=${name}`,
      onChange() {
        const definition = watch.items.get(name);
        if (watch.failure) finish(watch.failure);
        else if (definition && conditionOf(definition, 'Established')?.status === 'True') finish();
      },
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}

function conditionOf(object: KubernetesObject | undefined, type: string): Condition | undefined {
  return (object?.status as { conditions?: Condition[] } | undefined)?.conditions?.find(
    (condition) => condition.type === type,
  );
}

function notEstablished(
  name: string,
  definition: KubernetesObject | undefined,
  timeoutMs: number,
): TracewrightError {
  const names = conditionOf(definition, 'NamesAccepted');
  const why = names?.status === 'False' ? names.message : conditionOf(definition, 'Established')?.message;
  return new TracewrightError({
    type: 'manifest.rejected',
    message: `The CustomResourceDefinition ${name} is not served after ${String(timeoutMs / 1000)} s: ${why ?? 'no reason given'}.`,
    remedy: 'Remove the definition that has the same names.',
  });
}
