import type { Leftover } from '../../domain/leftovers.js';
import { isEnvironmentName, ownershipLabels } from '../../domain/names.js';
import type { ClusterRef } from '../../domain/progress.js';
import type { Component } from '../../domain/stack.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { listApiResources } from '../../tools/kubernetes/discovery.js';
import { describe, type KubernetesObject } from '../../tools/kubernetes/objects.js';
import { isLoose, isReleaseRecord, labelledObjects } from '../../tools/kubernetes/teardown.js';
import type { FoundCluster } from '../target.js';

/**
 * What environments have in an existing cluster, by the labels that Tracewright puts on all that it makes; a group of
 * findings for each. Changes nothing.
 * @throws TracewrightError `cluster.*`
 */
export async function findInCluster(kube: Kubernetes, signal?: AbortSignal): Promise<FoundCluster[]> {
  const [version, { resources }] = await Promise.all([
    kube.serverVersion(signal),
    listApiResources(kube, signal),
  ]);
  const labelled = await labelledObjects(kube, resources, ownershipLabels.environment, signal);
  const { kubeconfigPath, context, serverUrl } = kube;
  const place = { kind: 'kubeconfig', kubeconfigPath, context } as const;
  const cluster: ClusterRef = { ...place, serverUrl, version, owned: false };
  const environmentOf = ({ metadata }: KubernetesObject): string =>
    metadata.labels?.[ownershipLabels.environment] ?? '';
  const groups = groupsOf(labelled, environmentOf);
  // A cluster of ours labels what is its own with a name that no environment can have.
  const ofEnvironments = groups.filter(([environment]) => isEnvironmentName(environment));
  return ofEnvironments.map(([environment, objects]) => ({
    environment,
    target: place,
    exists: phrasesOf(objects),
    shared: { cluster, parts: partsOf(objects) },
  }));
}

/** What is taken along by others is not named. */
function phrasesOf(objects: readonly KubernetesObject[]): string[] {
  const releases = objects.filter(isReleaseRecord).map((it) => `Helm release ${keyOf(it)}`);
  const others = objects.filter(
    (it) => !isReleaseRecord(it) && (it.metadata.ownerReferences ?? []).length === 0,
  );
  return [...new Set([...releases, ...others.map(describe)])];
}

const keyOf = ({ metadata: { namespace = '', labels = {} } }: KubernetesObject): string =>
  `${namespace}/${labels['name'] ?? ''}`;

/**
 * The stack that all this came from is not known, so neither is what needs what; but a component was begun when all that
 * it needs was ready. So the youngest release goes first, and before all of them the objects of manifests: they may be
 * of kinds that only a release can finish. The rest (namespaces, definitions) goes with the sweep at the end.
 */
function partsOf(objects: readonly KubernetesObject[]): Leftover[] {
  const releases = groupsOf(objects.filter(isReleaseRecord), keyOf).map(([key, records]) => {
    const [namespace = '', name = ''] = key.split('/');
    // Of the chart nothing is asked at a removal.
    const release = { namespace, name, chart: { embedded: name }, values: {} };
    return { component: componentOf(records) ?? name, part: { release } };
  });
  const loose = objects.filter((it) => isLoose(it) && componentOf([it]) !== undefined);
  const manifests = groupsOf(loose, (it) => componentOf([it]) ?? '').map(([component, own]) => ({
    component,
    part: { manifests: { namespace: own[0]?.metadata.namespace ?? 'default', objects: own.map(referenced) } },
  }));
  return [...releases, ...manifests].map(({ component, part }, index, all) => {
    const needs = all.slice(Math.max(0, index - 1), index).map((it) => it.component);
    const definition: Component = { needs, ready: [], timeout: '5m', ...part };
    const isTwice = all.findIndex((it) => it.component === component) < index;
    return { step: isTwice ? `${component}:${String(index)}` : component, component, definition };
  });
}

/** Groups by `key`, the one that began first in front. */
function groupsOf(
  objects: readonly KubernetesObject[],
  key: (object: KubernetesObject) => string,
): [string, KubernetesObject[]][] {
  const groups = new Map<string, KubernetesObject[]>();
  for (const object of objects) groups.set(key(object), [...(groups.get(key(object)) ?? []), object]);
  const begunAt = (group: readonly KubernetesObject[]): number =>
    Math.min(...group.map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? '')));
  return [...groups].sort(([, a], [, b]) => begunAt(a) - begunAt(b));
}

/** The same for all of them. */
const componentOf = ([object]: readonly KubernetesObject[]): string | undefined =>
  object?.metadata.labels?.[ownershipLabels.component];

function referenced({ apiVersion, kind, metadata: { name, namespace } }: KubernetesObject) {
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
}
