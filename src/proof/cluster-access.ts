import { defaultStore } from '../domain/proof.js';
import type { ProofSpec } from '../domain/stack.js';
import type { ServiceAddress } from '../tools/kubernetes/services.js';
import { redact } from '../tools/redact.js';

/** What the verification needs of a cluster. The Kubernetes tools have it; so do the loopback addresses of a test. */
export interface ProofKube {
  /** HTTP to a Service. Any status is an answer. Headers pass as they are, but for `authorization`. */
  serviceRequest(address: ServiceAddress, path: string, options?: ServiceRequestOptions): Promise<HttpAnswer>;
  /** The text of all pods that the selector fits. */
  podLogs(request: PodLogsRequest): Promise<string>;
}

export type { ServiceAddress };

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
  /** @default the container that the pod names its default, or its first */
  readonly container?: string;
  readonly sinceTime?: Date;
  readonly signal?: AbortSignal | undefined;
}

/** `tempo.tracing:3100`: how people and `kubectl` name it. */
export function addressText({ namespace, service, port }: ServiceAddress): string {
  return `${service}.${namespace}:${String(port)}`;
}

/** Where the log of the collector is. */
export function collectorLog({
  collector: { namespace, podSelector: selector, container },
}: ProofSpec): Pick<PodLogsRequest, 'namespace' | 'selector' | 'container'> {
  return { namespace, selector, ...(container !== undefined && { container }) };
}

/** How people read that log. */
export function logCommand({ namespace, podSelector, container }: ProofSpec['collector']): string {
  const which = container === undefined ? '' : ` -c ${container}`;
  return `kubectl -n ${namespace} logs -l '${podSelector}'${which}`;
}

/** A stack's trace store, as its `proof.tempo` says. */
export type StoreSpec = ServiceAddress & {
  readonly title?: string | undefined;
  readonly tenant?: string | undefined;
};

/** `Tempo`, or what the stack calls it. */
export function storeTitle({ title = defaultStore }: StoreSpec): string {
  return title;
}

/** `Tempo at tempo.tracing:3100`: how messages begin. */
export function storeText(store: StoreSpec): string {
  return `${storeTitle(store)} at ${addressText(store)}`;
}

/**
 * What an answer that nobody wanted says, in one line: its status, and the message of a Kubernetes `Status` or its
 * text.
 */
export function answerText({ status, body }: HttpAnswer): string {
  const text = statusMessage(body) ?? pageTitle(body) ?? body;
  const line = redact(text).replace(/\s+/gu, ' ').trim();
  const short = line.length > 200 ? `${line.slice(0, 200)}…` : line;
  return short === '' ? `HTTP ${String(status)}` : `HTTP ${String(status)}: ${short}`;
}

/** A proxy's page is markup: its title tells what it says. */
function pageTitle(body: string): string | undefined {
  if (!/^\s*<(?:!doctype|html)\b/iu.test(body)) return undefined;
  const [, title] = /<title[^>]*>([^<]*)</iu.exec(body) ?? [];
  return `an HTML page${title === undefined ? '' : `, "${title.trim()}"`}`;
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
