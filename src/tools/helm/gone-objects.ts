import { isApiError } from '../kubernetes/api-error.js';
import { referencesOf } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { parseManifests } from '../kubernetes/manifests.js';
import { describe, type ObjectReference } from '../kubernetes/objects.js';
import { readObject } from '../kubernetes/observe.js';
import type { ReleaseRecord } from './release-record.js';

/** They may go by themselves when they have ended. */
const passing = 'Job';

/**
 * The objects of a release that are not there any more, such as `Service tracing/tempo`. Hooks come and go and are none
 * of them; nor is what we may not look at.
 * @throws TracewrightError `cluster.unreachable`
 */
export async function goneObjects(
  kube: Kubernetes,
  { manifest, namespace }: ReleaseRecord,
  signal?: AbortSignal,
): Promise<string[]> {
  const objects = parseManifests(manifest).filter(({ kind }) => kind !== passing);
  const references = await referencesOf(kube, objects, namespace, signal);
  const isThere = async (reference: ObjectReference): Promise<boolean> => {
    try {
      return (await readObject(kube, reference, signal)) !== undefined;
    } catch (error) {
      if (isApiError(error, 403)) return true;
      throw error;
    }
  };
  const there = await Promise.all(references.map(isThere));
  return references.filter((_, index) => !there[index]).map(describe);
}
