import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';

/** Something that a user may do or not. */
export interface Permission {
  /** get, list, watch, create, patch, update, delete. */
  readonly verb: string;
  /** Empty for the core of Kubernetes. */
  readonly group: string;
  /** Plural; with what stands below it, such as `pods/log`. */
  readonly resource: string;
  /** Absent: of the whole cluster. */
  readonly namespace?: string | undefined;
}

/** All that can be done in a cluster. */
const everything: Permission = { verb: '*', group: '*', resource: '*' };

/**
 * What of this the user of the kubeconfig may not do, in the words of the API server itself. Nothing is changed: a
 * SelfSubjectAccessReview is answered and forgotten.
 * @returns `undefined` when the API server does not let itself be asked
 * @throws ApiError, TracewrightError `cluster.unreachable`, `cluster.forbidden` (unknown credentials)
 */
export async function refusedOf(
  kube: Kubernetes,
  permissions: readonly Permission[],
  signal?: AbortSignal,
): Promise<Permission[] | undefined> {
  try {
    // One question instead of a hundred for those who may do everything.
    if (await isAllowed(kube, everything, signal)) return [];
    const answers = await Promise.all(permissions.map((permission) => isAllowed(kube, permission, signal)));
    return permissions.filter((_, index) => !answers[index]);
  } catch (error) {
    if (isApiError(error, 403, 404)) return undefined;
    throw error;
  }
}

async function isAllowed(
  kube: Kubernetes,
  { verb, group, resource: path, namespace }: Permission,
  signal?: AbortSignal,
): Promise<boolean> {
  const [resource, subresource] = path.split('/');
  const { status } = await kube.json<{ status?: { allowed?: boolean } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource, subresource, namespace } },
    }),
    signal,
  });
  return status?.allowed ?? false;
}

/** `create secrets in tracing, monitoring`: one text for each thing, with all its places. */
export function permissionTexts(permissions: readonly Permission[]): string[] {
  const places = new Map<string, string[]>();
  for (const { verb, group, resource, namespace } of permissions) {
    const what = `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
    const where = places.get(what) ?? [];
    places.set(what, namespace === undefined ? where : [...where, namespace]);
  }
  return [...places].map(([what, where]) => (where.length === 0 ? what : `${what} in ${where.join(', ')}`));
}
