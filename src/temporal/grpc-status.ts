import {
  isGrpcServiceError,
  ServiceError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { isTracewrightError } from '../domain/failure.js';

/** The gRPC status codes that we tell apart. */
export const grpcStatus = {
  cancelled: 1,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  failedPrecondition: 9,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The status code of a failed call, which the client's own methods wrap; `undefined` for any other error. */
export function grpcCodeOf(error: unknown): number | undefined {
  return failedCall(error)?.code;
}

/** What the server said with that code; empty for any other error. */
export function grpcDetailsOf(error: unknown): string {
  return failedCall(error)?.details ?? '';
}

function failedCall(error: unknown): { readonly code: number; readonly details: string } | undefined {
  const wrapped = error instanceof ServiceError || error instanceof WorkflowUpdateRPCTimeoutOrCancelledError;
  const failed = wrapped ? error.cause : error;
  return isGrpcServiceError(failed) ? failed : undefined;
}

/**
 * What a dead server or worker looks like, and one that has just come: an update of a workflow whose last tasks failed
 * is refused with a failed precondition (WorkflowNotReady). Others do not pass by themselves.
 */
const passing: readonly (number | undefined)[] = [
  grpcStatus.deadlineExceeded,
  grpcStatus.unavailable,
  grpcStatus.cancelled,
  grpcStatus.failedPrecondition,
];

/**
 * Whether a connection or a call failed because the server or a worker did not answer, which a later one may find
 * changed.
 */
export function isPassingOutage(error: unknown): boolean {
  return isTracewrightError(error)
    ? error.type === 'temporal.unreachable'
    : passing.includes(grpcCodeOf(error));
}
