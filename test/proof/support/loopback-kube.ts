import type {
  HttpAnswer,
  PodLogsRequest,
  ProofKube,
  ServiceAddress,
  ServiceRequestOptions,
} from '../../../src/proof/cluster-access.js';

export interface LoopbackService {
  readonly port: number;
}

/**
 * Stands where the API server does: Services are programs on loopback ports, and the only pod with a log is the
 * collector's. What cannot be reached gets the answer that the API server's proxy gives.
 */
export class LoopbackKube implements ProofKube {
  /** By `service.namespace:port`. */
  readonly services = new Map<string, LoopbackService>();
  log: () => Promise<string> = () => Promise.resolve('');
  /** Every request, as `service.namespace:port/path`. */
  readonly asked: string[] = [];

  serviceRequest(
    address: ServiceAddress,
    path: string,
    options: ServiceRequestOptions = {},
  ): Promise<HttpAnswer> {
    const { namespace, service, port } = address;
    this.asked.push(`${service}.${namespace}:${String(port)}${path}`);
    const target = this.services.get(`${service}.${namespace}:${String(port)}`);
    if (!target) return Promise.resolve(unavailable(`no endpoints available for service "${service}"`));
    return requestLoopback(target.port, path, options);
  }

  podLogs({ selector }: PodLogsRequest): Promise<string> {
    return selector === 'app=collector' ? this.log() : Promise.resolve('');
  }
}

/** Asks a program on a loopback port, as the API server's proxy asks a pod. */
export async function requestLoopback(
  port: number,
  path: string,
  options: ServiceRequestOptions = {},
): Promise<HttpAnswer> {
  const { method = 'GET', headers, body, timeoutMs = 10_000, signal } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`, {
      method,
      // As the API server does: it takes its own credentials out.
      headers: Object.entries(headers ?? {}).filter(([name]) => name.toLowerCase() !== 'authorization'),
      ...(body !== undefined && { body }),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    return {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: await answer.text(),
    };
  } catch (error) {
    if (signal?.aborted) throw error;
    return unavailable(
      `error trying to reach service: dial tcp 127.0.0.1:${String(port)}: connect: connection refused`,
    );
  }
}

function unavailable(message: string): HttpAnswer {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message,
    reason: 'ServiceUnavailable',
    code: 503,
  };
  return { status: 503, headers: { 'content-type': 'application/json' }, body: JSON.stringify(status) };
}
