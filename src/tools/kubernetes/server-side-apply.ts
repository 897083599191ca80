import type { KubernetesObjectSpec } from '../../domain/stack.js';
import type { Kubernetes } from './connection.js';
import { objectPath } from './discovery.js';
import { stringifyExact } from './exact-json.js';
import type { KubernetesObject, ObjectReference } from './objects.js';

export interface ServerSideApplyOptions {
  /** Fields that this manager applied before, and that the object no longer has, are taken away. */
  readonly fieldManager: string;
  /** Ask the API server and its webhooks, change nothing. @default false */
  readonly dryRun?: boolean | undefined;
  /** For the answer, in milliseconds. @default that of all requests */
  readonly answerMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the object, or sets the fields that it mentions, and leaves all others alone; takes fields over from whoever
 * has them. The namespace must exist.
 * @returns the object as it is then, with all defaults
 * @throws ApiError
 */
export async function serverSideApply(
  kube: Kubernetes,
  object: KubernetesObjectSpec,
  reference: ObjectReference,
  { fieldManager, dryRun = false, answerMs, signal }: ServerSideApplyOptions,
): Promise<KubernetesObject> {
  const resource = await kube.discovery.resource(reference.apiVersion, reference.kind, signal);
  const { namespace } = reference;
  return kube.json<KubernetesObject>({
    method: 'PATCH',
    path: objectPath(resource, reference),
    query: { fieldManager, force: true, ...(dryRun && { dryRun: 'All' }) },
    headers: { 'content-type': 'application/apply-patch+yaml' },
    // JSON is YAML.
    body: stringifyExact({
      ...object,
      metadata: { ...object.metadata, ...(namespace !== undefined && { namespace }) },
    }),
    timeoutMs: answerMs,
    signal,
  });
}
