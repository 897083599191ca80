import { isGrpcServiceError } from '@temporalio/client';

/** The gRPC status codes that we tell apart. */
export const grpcStatus = {
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  unimplemented: 12,
  unauthenticated: 16,
} as const;

/** The status code of a failed call; `undefined` for any other error. */
export function grpcCodeOf(error: unknown): number | undefined {
  return isGrpcServiceError(error) ? error.code : undefined;
}
