import { isTracewrightError } from '../domain/failure.js';
import { imagePlaces } from '../domain/images.js';
import type { StepPreview } from '../domain/preview.js';
import type { ManifestsSpec } from '../domain/stack.js';
import { fieldManager, referencesOf, requireOurs } from '../tools/kubernetes/apply.js';
import { compareObject } from '../tools/kubernetes/compare.js';
import type { ObjectReference } from '../tools/kubernetes/objects.js';
import { readObject } from '../tools/kubernetes/observe.js';
import { labelsOf } from '../tools/kubernetes/ownership.js';
import type { Look } from './look.js';

type Findings = Pick<StepPreview, 'action' | 'failure' | 'objects'>;

/** What `up` would do with manifests. */
export async function previewManifests(
  { environment, spec, cluster, call: { signal } }: Look,
  component: string,
  { namespace, objects }: ManifestsSpec,
): Promise<Findings> {
  if (!cluster) return { action: 'create' };
  const { kube } = cluster;
  const owner = { environment, component };
  const references = await referencesOf(kube, objects, namespace, signal);
  const compare = async (object: ManifestsSpec['objects'][number], reference: ObjectReference) => {
    requireOurs(reference, await readObject(kube, reference, signal), { owner, adopt: spec.adopt ?? false });
    const labels = {
      ...(object.metadata['labels'] as Record<string, string> | undefined),
      ...labelsOf(owner),
    };
    const ours = { ...object, metadata: { ...object.metadata, labels } };
    return compareObject(kube, ours, reference, { fieldManager, signal });
  };
  try {
    const found = await Promise.all(
      objects.map((object, index) => compare(object, references[index] as ObjectReference)),
    );
    const changing = found.filter((it) => it !== undefined);
    const isNew = changing.length === objects.length && changing.every(({ change }) => change === 'create');
    const action = changing.length === 0 ? 'none' : isNew ? 'create' : 'change';
    return { action, objects: changing };
  } catch (error) {
    if (!isTracewrightError(error) || error.type !== 'manifest.foreign') throw error;
    return { action: 'refuse', failure: error.toFailure() };
  }
}

/** The images that the objects name; `undefined` when they name none. */
export function imagesText({ objects }: ManifestsSpec): string | undefined {
  const images = [...new Set(objects.flatMap(imagePlaces).map(({ reference }) => reference))];
  return images.length > 0 ? images.join(', ') : undefined;
}
