import { shorten, TracewrightError, type FailureType } from '../../domain/failure.js';
import { parseExact } from './exact-json.js';

/** The `Status` object by which the API server says no. */
export interface ApiStatus {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly causes?: readonly {
      readonly reason?: string;
      readonly message?: string;
      readonly field?: string;
    }[];
  };
}

/**
 * An answer of the API server that is not a success. It is a typed failure already, for callers that expect nothing of
 * the kind; those that do look at `status` and `reason`.
 */
export class ApiError extends TracewrightError {
  /** HTTP status. */
  readonly status: number;
  /** Kubernetes's own word: NotFound, AlreadyExists, Conflict, Invalid, Forbidden … */
  readonly reason: string;
  /** The server's text alone, without what was asked. */
  readonly detail: string;
  readonly causes: readonly string[];

  constructor(asked: string, status: number, answer: ApiStatus) {
    const detail = answer.message ?? `HTTP status ${String(status)}`;
    super({ message: `The API server refused to ${asked}: ${detail}`, ...kindOf(status) });
    this.name = 'ApiError';
    this.status = status;
    this.reason = answer.reason ?? '';
    this.detail = detail;
    this.causes = (answer.details?.causes ?? []).map((cause) => cause.reason ?? '');
  }
}

/** Reads the body of an answer that is not a success. */
export function parseStatus(body: string): ApiStatus {
  try {
    const parsed = JSON.parse(body) as ApiStatus | null;
    if (parsed?.kind === 'Status' && typeof (parsed.message ?? '') === 'string') return parsed;
  } catch {
    // Proxies in front of an API server answer in HTML or plain text.
  }
  return { message: body.trim().slice(0, 500) || 'an empty answer' };
}

/** Whether `error` is an answer of the API server with one of these HTTP statuses. */
export function isApiError(error: unknown, ...statuses: readonly number[]): error is ApiError {
  return error instanceof ApiError && (statuses.length === 0 || statuses.includes(error.status));
}

function kindOf(status: number): { type: FailureType; remedy: string } {
  if (status === 401 || status === 403) {
    return {
      type: 'cluster.forbidden',
      remedy: 'Use a kubeconfig context whose user may do this; `kubectl auth can-i` tells.',
    };
  }
  if (status === 429 || status >= 500) {
    return {
      type: 'cluster.unreachable',
      remedy: 'Wait until the API server is well again; the step is tried again by itself.',
    };
  }
  return { type: 'manifest.rejected', remedy: 'Correct what the API server names.' };
}

/**
 * The body of a success: an object, and of a list all items. A proxy that wants a login answers 200 as well, with a page.
 * @param asked such as `GET /version`
 * @throws TracewrightError `cluster.unreachable`
 */
export function parseAnswer(serverUrl: string, asked: string, body: string): Record<string, unknown> {
  const value = jsonOf(body);
  if (isRecord(value) && isListIfAny(value)) return value;
  throw strangeAnswer(serverUrl, asked, body);
}

/** An answer that no API server gives. */
export function strangeAnswer(serverUrl: string, asked: string, body: string): TracewrightError {
  const shown = body.replace(/\s+/gu, ' ').trim().slice(0, 120);
  return new TracewrightError({
    type: 'cluster.unreachable',
    message: `What answers at ${serverUrl} is no API server: to ${asked} it said ${shown === '' ? 'nothing' : `"${shown}"`}.`,
    remedy: 'Look what stands between, such as the login page of a proxy, and whether the address is right.',
  });
}

function jsonOf(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

function isListIfAny({ metadata = {}, items }: Record<string, unknown>): boolean {
  return isRecord(metadata) && ofRecords(items) && (items ?? []).every((item) => isRecord(item['metadata']));
}

function ofRecords(value: unknown): value is Record<string, unknown>[] | null | undefined {
  return value === undefined || value === null || (Array.isArray(value) && value.every(isRecord));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The failure of an admission webhook that did not answer, from the text of the API server or of helm; `undefined` when
 * the text is about something else. A webhook that answered "no" is not such a case: that is a rejected manifest.
 */
export function webhookFailure(text: string, doing: string): TracewrightError | undefined {
  const match =
    /failed calling webhook "([^"]+)"[^]*/u.exec(text) ??
    /conversion webhook for ([^\s]+) failed[^]*/u.exec(text);
  if (!match) return undefined;
  const [detail, webhook = ''] = match;
  const missing = /service "([^"]+)" not found/u.exec(detail)?.[1];
  if (missing !== undefined) {
    return new TracewrightError({
      type: 'webhook.unavailable',
      message: `${doing}: the admission webhook ${webhook} must approve it, but its Service "${missing}" does not exist.`,
      remedy:
        'The webhook was left over by an installation that is gone. Find it with ' +
        '`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations` and delete it.',
      evidence: [firstLine(detail)],
      retryable: false,
    });
  }
  return new TracewrightError({
    type: 'webhook.unavailable',
    message: `${doing}: the admission webhook ${webhook} must approve it, but ${reasonOf(detail)}.`,
    remedy:
      'Webhooks need some seconds after their pod is ready; the step is tried again. If it stays so, look at the pod behind it.',
    evidence: [firstLine(detail)],
  });
}

function reasonOf(detail: string): string {
  if (/x509|certificate/u.test(detail)) return 'its certificate is not trusted yet';
  if (/no endpoints available/u.test(detail)) return 'no ready pod serves it yet';
  if (/connection refused/u.test(detail)) return 'nothing listens there yet';
  if (/deadline exceeded|timeout/iu.test(detail)) return 'it did not answer in time';
  return 'it could not be called';
}

function firstLine(text: string): string {
  return shorten(text.split('\n')[0] ?? '');
}
