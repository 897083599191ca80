import { redact } from '../tools/redact.js';

/** What the verification needs of a cluster. The Kubernetes tools have it; so do the loopback addresses of a test. */
export interface ProofKube {
  /** HTTP to a Service. Any status is an answer. Headers pass as they are, but for `authorization`. */
  serviceRequest(address: ServiceAddress, path: string, options?: ServiceRequestOptions): Promise<HttpAnswer>;
  /** The text of all pods that the selector fits. */
  podLogs(request: PodLogsRequest): Promise<string>;
}

export interface ServiceAddress {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
}

export interface ServiceRequestOptions {
  /** @default GET */
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** In milliseconds. @default 10000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface PodLogsRequest {
  readonly namespace: string;
  /** A label selector such as `app=hotrod`. */
  readonly selector: string;
  readonly sinceTime?: Date;
  readonly signal?: AbortSignal | undefined;
}

/** `tempo.tracing:3100`: how people and `kubectl` name it. */
export function addressText({ namespace, service, port }: ServiceAddress): string {
  return `${service}.${namespace}:${String(port)}`;
}

/**
 * What an answer that nobody wanted says, in one line: its status, and the message of a Kubernetes `Status` or its
 * text.
 */
export function answerText({ status, body }: HttpAnswer): string {
  const text = statusMessage(body) ?? body;
  const line = redact(text).replace(/\s+/gu, ' ').trim();
  const short = line.length > 200 ? `${line.slice(0, 200)}…` : line;
  return short === '' ? `HTTP ${String(status)}` : `HTTP ${String(status)}: ${short}`;
}

/** Whether the API server answers for a Service or pod that it cannot reach. */
export function isFromApiServer({ body }: HttpAnswer): boolean {
  return statusMessage(body) !== undefined;
}

/** The API server answers for a Service without ready pods, in an object of its own. */
function statusMessage(body: string): string | undefined {
  if (!body.startsWith('{')) return undefined;
  try {
    const { kind, message } = JSON.parse(body) as { kind?: unknown; message?: unknown };
    return kind === 'Status' && typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
