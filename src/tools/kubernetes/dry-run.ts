import type { KubernetesObjectSpec } from '../../domain/stack.js';
import type { Kubernetes } from './connection.js';
import { objectPath } from './discovery.js';
import type { KubernetesObject, ObjectReference } from './objects.js';

export interface DryRunOptions {
  /** Fields that this manager applied before, and that the object no longer has, are gone in the result. */
  readonly fieldManager: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What the object would be after a server-side apply, with all defaults and admission. Changes nothing: webhooks that
 * have side effects make the API server refuse. The namespace must exist.
 * @throws ApiError
 */
export async function dryRunApply(
  kube: Kubernetes,
  object: KubernetesObjectSpec,
  reference: ObjectReference,
  { fieldManager, signal }: DryRunOptions,
): Promise<KubernetesObject> {
  const resource = await kube.discovery.resource(reference.apiVersion, reference.kind, signal);
  const { namespace } = reference;
  return kube.json<KubernetesObject>({
    method: 'PATCH',
    path: objectPath(resource, reference),
    query: { fieldManager, force: true, dryRun: 'All' },
    headers: { 'content-type': 'application/apply-patch+yaml' },
    // JSON is YAML.
    body: JSON.stringify({
      ...object,
      metadata: { ...object.metadata, ...(namespace !== undefined && { namespace }) },
    }),
    signal,
  });
}

/** Without what the server counts and notes, and what controllers report: what is left is what somebody wrote. */
export function comparable({ metadata, status: _, ...rest }: KubernetesObject): Record<string, unknown> {
  const { resourceVersion: __, generation: ___, ...kept } = metadata;
  return { ...rest, metadata: { ...kept, managedFields: undefined } };
}
