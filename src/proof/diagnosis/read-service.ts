import type { ServiceFacts } from './endpoint.js';
import type { Found, Reader } from './reader.js';

export interface ServiceName {
  readonly namespace: string;
  readonly service: string;
}

interface Service {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly port: number }[];
  };
}

interface EndpointSlice {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
}

/** A Service as it was read, with the labels of its pods. */
export type ReadService = ServiceFacts & { readonly selector: Readonly<Record<string, string>> };

/** A Service with the number of addresses behind it that may get requests. */
export async function readService(
  read: Reader,
  { namespace, service }: ServiceName,
): Promise<Found<ReadService>> {
  const [found, slices] = await Promise.all([
    read.object<Service>(`/api/v1/namespaces/${namespace}/services/${service}`),
    read.list<EndpointSlice>(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
      labelSelector: `kubernetes.io/service-name=${service}`,
    }),
  ]);
  if (found === undefined || found === 'absent') return found;
  const { ports = [], selector = {} } = found.spec;
  const ready = slices
    ?.flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready ?? true);
  return { ports: ports.map(({ port }) => port), readyEndpoints: ready?.length, selector };
}
