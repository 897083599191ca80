import { ServiceError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { TracewrightError } from '../../src/domain/failure.js';
import { grpcCodeOf, grpcStatus, isPassingOutage } from '../../src/temporal/grpc-status.js';

/** As gRPC fails a call. */
const failedCall = (code: number): Error =>
  Object.assign(new Error('failed'), { code, details: 'failed', metadata: {} });

describe('a failed call to the Temporal server', () => {
  it('has the same code in whatever the client wraps it', () => {
    const cause = failedCall(grpcStatus.cancelled);
    const wrapped = [
      new ServiceError('failed', { cause }),
      new WorkflowUpdateRPCTimeoutOrCancelledError('failed', { cause }),
    ];
    expect([cause, ...wrapped].map(grpcCodeOf)).toEqual([1, 1, 1]);
    expect(grpcCodeOf(new TypeError('a bug'))).toBeUndefined();
  });

  it('is an outage when a later call may be answered', () => {
    const names = Object.entries(grpcStatus).filter(([, code]) => isPassingOutage(failedCall(code)));
    expect(names.map(([name]) => name)).toEqual([
      'cancelled',
      'deadlineExceeded',
      'failedPrecondition',
      'unavailable',
    ]);
    const typed = (type: 'temporal.unreachable' | 'update.refused'): boolean =>
      isPassingOutage(new TracewrightError({ type, message: 'failed', remedy: 'none' }));
    expect([typed('temporal.unreachable'), typed('update.refused')]).toEqual([true, false]);
    expect(isPassingOutage(new TypeError('a bug'))).toBe(false);
  });
});
