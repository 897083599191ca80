import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import { isFailureType, toFailure, type Failure } from '../domain/failure.js';
import type { Step } from '../domain/plan.js';

/** What a person gets to read about the error of an activity. */
export function failureOf(step: Step, error: unknown): Failure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const [detail] = (cause.details ?? []) as Failure[];
    if (detail) return detail;
    return { ...toFailure(cause), ...(isFailureType(cause.type) && { type: cause.type }) };
  }
  if (cause instanceof TimeoutFailure) return timeoutOf(step, cause);
  return toFailure(cause);
}

function timeoutOf(step: Step, timeout: TimeoutFailure): Failure {
  if (timeout.timeoutType === 'SCHEDULE_TO_START') {
    return {
      type: 'host.lost',
      message: `The step "${step.name}" waited 60 s for the machine that holds the cluster, but no worker there took it.`,
      remedy: 'Run `tracewright up` on that machine: it starts the worker and goes on here.',
      retryable: false,
    };
  }
  const [last] =
    timeout.cause instanceof ApplicationFailure ? ((timeout.cause.details ?? []) as Failure[]) : [];
  if (last) return last;
  return {
    type: 'step.timeout',
    message: `The step "${step.name}" did not end within its time (${String(timeout.timeoutType)}).`,
    remedy:
      'Look at what it did last with `tracewright status`, then retry; a longer `timeout` in the stack file helps a slow machine.',
    retryable: false,
  };
}
