import { TracewrightError } from '../../domain/failure.js';
import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import type { ObjectList, ObjectMeta } from './objects.js';
import type { PodPort } from './pod-connection.js';
import type { ServiceAddress } from './service-request.js';

interface Service {
  readonly spec: { readonly ports?: readonly { readonly name?: string; readonly port: number }[] };
}

interface EndpointSlice {
  readonly metadata: ObjectMeta;
  readonly ports?: readonly { readonly name?: string | null; readonly port?: number }[] | null;
  readonly endpoints?:
    | readonly {
        readonly conditions?: { readonly ready?: boolean };
        readonly targetRef?: { readonly kind?: string; readonly name?: string };
      }[]
    | null;
}

/**
 * A ready pod behind a Service, with the container's port. The cluster's own endpoints know which port of the Service
 * is which of the pod, and which pods are ready.
 * @throws TracewrightError `service.unavailable`, `cluster.*`
 */
export async function readyPodOf(
  kube: Kubernetes,
  { namespace, service, port }: ServiceAddress,
  signal?: AbortSignal,
): Promise<PodPort> {
  const known = await kube
    .json<Service>({ path: `/api/v1/namespaces/${namespace}/services/${service}`, signal })
    .catch((error: unknown) => {
      if (isApiError(error, 404)) throw unavailable(`There is no Service ${namespace}/${service}.`, error);
      throw error;
    });
  const named = known.spec.ports?.find((it) => it.port === port);
  if (!named) {
    const ports = (known.spec.ports ?? []).map((it) => String(it.port)).join(', ');
    throw unavailable(
      `The Service ${namespace}/${service} has no port ${String(port)}, but ${ports || 'none'}.`,
    );
  }
  const slices = await kube.json<ObjectList<EndpointSlice>>({
    path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
    query: { labelSelector: `kubernetes.io/service-name=${service}` },
    signal,
  });
  for (const { ports, endpoints } of slices.items ?? []) {
    const podPort = ports?.find(({ name }) => (name ?? '') === (named.name ?? ''))?.port;
    const ready = endpoints?.find(({ conditions, targetRef }) => {
      return conditions?.ready !== false && targetRef?.kind === 'Pod';
    });
    const pod = ready?.targetRef?.name;
    if (podPort !== undefined && pod !== undefined) return { namespace, pod, port: podPort };
  }
  throw unavailable(`No pod of the Service ${namespace}/${service} is ready.`);
}

function unavailable(message: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'service.unavailable',
    message,
    remedy: 'Look at its component: `tracewright status` and `tracewright logs <component>`.',
    cause,
  });
}
