import type { Found, Reader } from './reader.js';

/** An address that one part of the stack was given for another. */
interface Endpoint {
  /** As it stands in the configuration. */
  readonly text: string;
  readonly host: string;
  readonly port: number;
  /** Encrypted, by its scheme; `undefined` when it has none. */
  readonly tls: boolean | undefined;
  /** The Service that the host names; `undefined` for addresses outside the cluster. */
  readonly service: { readonly namespace: string; readonly service: string } | undefined;
}

/** A Service, as far as one that sends to it must know. */
export interface ServiceFacts {
  readonly ports: readonly number[];
  /** Addresses that may get requests. */
  readonly readyEndpoints: number | undefined;
  /** The labels of the pods that it sends to. */
  readonly selector?: Readonly<Record<string, string>>;
}

/** An endpoint in use, and what is behind it. */
export interface EndpointUse {
  /** Where it stands: `OTEL_EXPORTER_JAEGER_ENDPOINT of deployment/example-hotrod`. */
  readonly where: string;
  /** As it is written there; `undefined` when nothing is. */
  readonly text: string | undefined;
  /** `undefined` when the text is no address. */
  readonly endpoint: Endpoint | undefined;
  /** The Service that it names: `undefined` when unknown, or outside the cluster. */
  readonly service: ServiceFacts | 'absent' | undefined;
  /** Another container of the pod that uses it may listen there. @default false */
  readonly hasSidecars?: boolean;
}

/**
 * Reads `http://host:port/path` and `host:port`, as the pods of a namespace understand them: `tempo`, `tempo.tracing`,
 * `tempo.tracing.svc`, `tempo.tracing.svc.cluster.local`.
 * @param defaultPort of the protocol, where the text names none
 * @returns undefined when it is no address
 */
export function parseEndpoint(text: string, namespace: string, defaultPort: number): Endpoint | undefined {
  // How gRPC is told to resolve a name, with the server to ask where one is named.
  const address = text.trim().replace(/^(?:dns|passthrough):(?:\/\/[^/]*\/)?(?!\/|\d+$)/iu, '');
  const hasScheme = /^[a-z][a-z\d+.-]*:\/\//iu.test(address);
  const url = URL.parse(hasScheme ? address : `tcp://${address}`);
  // A socket of the pod, or a name that gRPC resolves in some other way: nobody here knows where that leads.
  if (hasScheme && url?.hostname === '' && !/^https?:$/u.test(url.protocol))
    return { text, host: address, port: defaultPort, tls: undefined, service: undefined };
  if (!url || url.hostname === '') return undefined;
  const port = url.port === '' ? defaultPort : Number(url.port);
  const host = url.hostname;
  const tls = hasScheme && /^https?:$/u.test(url.protocol) ? url.protocol === 'https:' : undefined;
  return { text, host, port, tls, service: serviceOf(host, namespace) };
}

function serviceOf(host: string, namespace: string): Endpoint['service'] {
  if (isLoopback(host)) return undefined;
  // A whole name may end in a dot, and letters are small or large.
  const name = host.toLowerCase().replace(/(?<=\.svc\.cluster\.local)\.$/u, '');
  const [service = '', second, third, ...rest] = name.split('.');
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/u.test(service)) return undefined;
  if (second === undefined) return { namespace, service };
  const inCluster =
    third === undefined || (third === 'svc' && ['', 'cluster.local'].includes(rest.join('.')));
  return inCluster ? { namespace: second, service } : undefined;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

/**
 * What is wrong with an endpoint, as the rest of a sentence that begins with it, and the fix; undefined when nothing
 * is known to be.
 */
interface EndpointTrouble {
  readonly why: string;
  readonly fix: string;
  /** It may pass by itself: pods that start, or whose node has just come back. */
  readonly passing: boolean;
}

/** @param right the address that it should be, where we know it */
export function endpointTrouble(use: EndpointUse, right: string | undefined): EndpointTrouble | undefined {
  const { where, text, endpoint, service } = use;
  const set = right === undefined ? `Correct ${where}.` : `Set ${where} to ${right}.`;
  const wrong = (why: string): EndpointTrouble => ({ why, fix: set, passing: false });
  if (text === undefined) return wrong('is not set');
  if (!endpoint) return wrong(`is "${text}", which is no address`);
  // Beside a sidecar the loopback address of the pod is as good as any.
  if (isLoopback(endpoint.host) && use.hasSidecars) return undefined;
  if (isLoopback(endpoint.host)) return wrong(`is ${text}: inside a pod, that is the pod itself`);
  if (!endpoint.service) return undefined;
  const name = `${endpoint.service.service}.${endpoint.service.namespace}`;
  if (service === 'absent')
    return wrong(
      `is ${text}, but there is no Service ${endpoint.service.service} in the namespace ${endpoint.service.namespace}`,
    );
  if (!service) return undefined;
  if (!service.ports.includes(endpoint.port))
    return wrong(
      `is ${text}, but the Service ${name} has no port ${String(endpoint.port)} (it has ${service.ports.join(', ')})`,
    );
  if (service.readyEndpoints === 0)
    return {
      why: `is ${text}, but no ready pod stands behind the Service ${name}`,
      fix: `Look at its pods: kubectl -n ${endpoint.service.namespace} get pods,endpointslices`,
      passing: true,
    };
  return undefined;
}

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

/**
 * An address in use and the Service that it names.
 * @param namespace of the pods that use it
 * @param defaultPort of the protocol
 * @returns undefined when its value is put together elsewhere (a variable, a Secret)
 */
export async function readEndpoint(
  read: Reader,
  {
    where,
    text,
    namespace,
    defaultPort,
    hasSidecars = false,
  }: {
    where: string;
    text: string | undefined;
    namespace: string;
    defaultPort: number;
    hasSidecars?: boolean;
  },
): Promise<EndpointUse | undefined> {
  if (text !== undefined && /\$|^unix:/u.test(text)) return undefined;
  const endpoint = text === undefined ? undefined : parseEndpoint(text, namespace, defaultPort);
  const service = endpoint?.service && (await readService(read, endpoint.service));
  return { where, text, endpoint, service, ...(hasSidecars && { hasSidecars }) };
}
