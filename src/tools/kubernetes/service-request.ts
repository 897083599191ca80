import type { HttpAnswer, Transport } from './transport.js';

export interface ServiceAddress {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
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
  { namespace, service, port }: ServiceAddress,
  path: string,
  { timeoutMs = 10_000, ...options }: ServiceRequestOptions = {},
): Promise<HttpAnswer> {
  const proxy = `/api/v1/namespaces/${namespace}/services/${service}:${String(port)}/proxy`;
  return transport.send({ ...options, timeoutMs, path: `${proxy}/${path.replace(/^\//u, '')}` });
}
