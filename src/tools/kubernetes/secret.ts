import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';

/**
 * The values of a Secret, decoded; `undefined` when there is none of that name. For the moment in which they are
 * needed: they belong into no result, log or error.
 * @throws ApiError
 */
export async function readSecret(
  kube: Pick<Kubernetes, 'json'>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
  try {
    const { data = {} } = await kube.json<{ data?: Readonly<Record<string, string>> }>({ path, signal });
    return Object.fromEntries(
      Object.entries(data).map(([key, base64]) => [key, Buffer.from(base64, 'base64').toString('utf8')]),
    );
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}
