import { TracewrightError } from '../../domain/failure.js';
import { isApiError } from './api-error.js';
import type { ObjectList, ObjectMeta } from './objects.js';
import type { PodPort } from './pod-connection.js';
import type { ApiClient, HttpAnswer, Transport } from './transport.js';

export interface ServiceAddress {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /** It speaks TLS; the API server does not look at its certificate. @default false */
  readonly tls?: boolean | undefined;
}

export interface ServiceRequestOptions {
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** Reach the Service as they are, `traceparent` included; only `authorization` stays with the API server. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** In milliseconds. @default 10000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * HTTP to a Service through the proxy of the API server. Any status is an answer; 503 with a `Status` object is the API
 * server's own when the Service has no ready pod.
 */
export async function serviceRequest(
  transport: Transport,
  { namespace, service, port, tls }: ServiceAddress,
  path: string,
  { timeoutMs = 10_000, ...options }: ServiceRequestOptions = {},
): Promise<HttpAnswer> {
  const proxy = `/api/v1/namespaces/${namespace}/services/${tls ? 'https:' : ''}${service}:${String(port)}/proxy`;
  return transport.send({ ...options, timeoutMs, path: `${proxy}/${path.replace(/^\//u, '')}` });
}

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
  kube: ApiClient,
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
