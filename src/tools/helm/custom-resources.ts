import { applyObjects } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { definitionKind } from '../kubernetes/definitions.js';
import { parseManifests } from '../kubernetes/manifests.js';
import { readObject } from '../kubernetes/observe.js';
import { ownershipOf, type Owner } from '../kubernetes/ownership.js';
import type { Helm, HelmCall } from './helm.js';

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
  const { signal } = call;
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
  if (objects.length > 0) await applyObjects(kube, { objects, namespace, owner, signal });
  return objects.length;
}
