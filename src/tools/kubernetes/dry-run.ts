import type { KubernetesObjectSpec } from '../../domain/stack.js';
import type { Kubernetes } from './connection.js';
import type { KubernetesObject, ObjectReference } from './objects.js';
import { serverSideApply, type ServerSideApplyOptions } from './server-side-apply.js';

export type DryRunOptions = Pick<ServerSideApplyOptions, 'fieldManager' | 'signal'>;

/**
 * What the object would be after a server-side apply, with all defaults and admission. Changes nothing: webhooks that
 * have side effects make the API server refuse. The namespace must exist.
 * @throws ApiError
 */
export async function dryRunApply(
  kube: Kubernetes,
  object: KubernetesObjectSpec,
  reference: ObjectReference,
  options: DryRunOptions,
): Promise<KubernetesObject> {
  return serverSideApply(kube, object, reference, { ...options, dryRun: true });
}

/** Without what the server counts and notes, and what controllers report: what is left is what somebody wrote. */
export function comparable({ metadata, status: _, ...rest }: KubernetesObject): Record<string, unknown> {
  const { resourceVersion: __, generation: ___, ...kept } = metadata;
  return { ...rest, metadata: { ...kept, managedFields: undefined } };
}
