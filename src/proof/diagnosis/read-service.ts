import type { ServiceFacts } from './endpoint.js';
import type { Found, Reader } from './reader.js';

export interface ServiceName {
  readonly namespace: string;
  readonly service: string;
}

interface Service {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  };
}

interface EndpointSlice {
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
}

/** A Service as it was read. */
export type ReadService = ServiceFacts & {
  readonly selector: Readonly<Record<string, string>>;
  /** The port of a pod behind each of its ports, where there is a pod, be it ready or not. */
  readonly podPorts: Readonly<Record<number, number>>;
};

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
  return {
    ports: ports.map(({ port }) => port),
    readyEndpoints: ready?.length,
    selector,
    podPorts: podPortsOf(ports, slices ?? []),
  };
}

/** A port has the same name in both; the only one of a Service has none. */
function podPortsOf(
  ports: NonNullable<Service['spec']['ports']>,
  slices: readonly EndpointSlice[],
): ReadService['podPorts'] {
  const behind = slices.flatMap((slice) => slice.ports ?? []);
  return Object.fromEntries(
    ports.flatMap(({ name = '', port }) => {
      const target = behind.find((other) => (other.name ?? '') === name)?.port;
      return target === undefined ? [] : [[port, target]];
    }),
  );
}
