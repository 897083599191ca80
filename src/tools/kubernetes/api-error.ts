import { TracewrightError, type FailureType } from '../../domain/failure.js';

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
    if (parsed?.kind === 'Status') return parsed;
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
