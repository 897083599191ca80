import type { ReleaseRef } from '../../domain/release.js';
import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { applyObjects } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { definitionKind } from '../kubernetes/definitions.js';
import { parseManifests } from '../kubernetes/manifests.js';
import { readObject } from '../kubernetes/observe.js';
import { ownershipOf, type Owner } from '../kubernetes/ownership.js';
import type { Helm, HelmCall } from './helm.js';

/** In the words of server-side apply: who helm 4 is to the API server, whichever name its program has. */
export const helmManager = 'helm';

/** Helm writes on all objects of a release, and on no other, whose they are. */
export const helmAnnotations = {
  name: 'meta.helm.sh/release-name',
  namespace: 'meta.helm.sh/release-namespace',
} as const;

/** The objects of a rendered manifest as helm sends them: with what it writes on every object of a release. */
export function releaseObjects(manifest: string, { name, namespace }: ReleaseRef): KubernetesObjectSpec[] {
  return parseManifests(manifest).map((object) => {
    const { labels, annotations } = object.metadata as Record<string, Record<string, string> | undefined>;
    return {
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...labels, 'app.kubernetes.io/managed-by': 'Helm' },
        annotations: {
          ...annotations,
          [helmAnnotations.name]: name,
          [helmAnnotations.namespace]: namespace,
        },
      },
    };
  });
}

/** Helm takes no other objects, though templates render them: left empty by a value, or with `generateName` only. */
export function isNamed({ metadata }: { readonly metadata: { readonly name?: unknown } }): boolean {
  return typeof metadata.name === 'string' && metadata.name !== '';
}

/** Whether helm leaves the object at an uninstall. */
export function isKept({ metadata }: KubernetesObjectSpec): boolean {
  const annotations = metadata['annotations'] as Record<string, string> | undefined;
  return annotations?.['helm.sh/resource-policy'] === 'keep';
}

/**
 * Brings about the CustomResourceDefinitions of the chart's `crds/`, with our labels, and waits until they are served.
 * Helm would install them too, but without a trace of who did, so that nobody could tell ours from a stranger's later;
 * and it never upgrades them. Those that somebody else made stay as they are.
 * @returns how many are ours
 */
export async function applyChartDefinitions(
  kube: Kubernetes,
  helm: Helm,
  {
    chartPath,
    namespace,
    owner,
    call,
  }: { chartPath: string; namespace: string; owner: Owner; call: HelmCall },
): Promise<number> {
  const { signal, deadline } = call;
  const definitions = parseManifests(await helm.showCrds(chartPath, { signal })).filter(
    ({ kind }) => kind === definitionKind.kind,
  );
  const own = await Promise.all(
    definitions.map(async (definition) => {
      const existing = await readObject(kube, { ...definitionKind, name: definition.metadata.name }, signal);
      return !existing || ownershipOf(existing.metadata, owner) === 'ours' ? [definition] : [];
    }),
  );
  const objects = own.flat();
  if (objects.length > 0) await applyObjects(kube, { objects, namespace, owner, deadline, signal });
  return objects.length;
}
