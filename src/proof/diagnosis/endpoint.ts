/** An address that one part of the stack was given for another. */
export interface Endpoint {
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
}

/**
 * Reads `http://host:port/path` and `host:port`, as the pods of a namespace understand them: `tempo`, `tempo.tracing`,
 * `tempo.tracing.svc`, `tempo.tracing.svc.cluster.local`.
 * @param defaultPort of the protocol, where the text names none
 * @returns undefined when it is no address
 */
export function parseEndpoint(text: string, namespace: string, defaultPort: number): Endpoint | undefined {
  const hasScheme = /^[a-z]+:\/\//iu.test(text);
  const url = URL.parse(hasScheme ? text : `tcp://${text}`);
  if (!url || url.hostname === '') return undefined;
  const port = url.port === '' ? defaultPort : Number(url.port);
  const host = url.hostname;
  const tls = hasScheme ? url.protocol === 'https:' : undefined;
  return { text, host, port, tls, service: serviceOf(host, namespace) };
}

function serviceOf(host: string, namespace: string): Endpoint['service'] {
  if (isLoopback(host)) return undefined;
  const [service = '', second, third, ...rest] = host.split('.');
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
 * What is wrong with an endpoint, as the rest of a sentence that begins with it, and the cure; undefined when nothing
 * is known to be.
 */
export interface EndpointTrouble {
  readonly why: string;
  readonly cure: string;
}

/** @param right the address that it should be, where we know it */
export function endpointTrouble(use: EndpointUse, right: string | undefined): EndpointTrouble | undefined {
  const { where, text, endpoint, service } = use;
  const set = right === undefined ? `Correct ${where}.` : `Set ${where} to ${right}.`;
  if (text === undefined) return { why: 'is not set', cure: set };
  if (!endpoint) return { why: `is "${text}", which is no address`, cure: set };
  if (isLoopback(endpoint.host))
    return { why: `is ${text}: inside a pod, that is the pod itself`, cure: set };
  if (!endpoint.service) return undefined;
  const name = `${endpoint.service.service}.${endpoint.service.namespace}`;
  if (service === 'absent')
    return {
      why: `is ${text}, but there is no Service ${endpoint.service.service} in the namespace ${endpoint.service.namespace}`,
      cure: set,
    };
  if (!service) return undefined;
  if (!service.ports.includes(endpoint.port))
    return {
      why: `is ${text}, but the Service ${name} has no port ${String(endpoint.port)} (it has ${service.ports.join(', ')})`,
      cure: set,
    };
  if (service.readyEndpoints === 0)
    return {
      why: `is ${text}, but no ready pod stands behind the Service ${name}`,
      cure: `Look at its pods: kubectl -n ${endpoint.service.namespace} get pods,endpointslices`,
    };
  return undefined;
}
