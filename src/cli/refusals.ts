import { QueryRejectedError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { isFailureType, TracewrightError } from '../domain/failure.js';
import { environmentWorkflowId } from '../domain/names.js';
import { grpcCodeOf, grpcDetailsOf, grpcStatus } from '../temporal/grpc-status.js';

/** WORKFLOW_EXECUTION_STATUS_PAUSED of Temporal's API. */
const paused = 8;

/** Runs a call about an environment; what the server or the environment says against it becomes a TracewrightError. */
export async function refusable<T>(name: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw notFound(name, error);
    if (isRefusedAsPaused(error)) throw heldByOperator(name, error);
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    const cause = error.cause as (Error & { type?: string }) | undefined;
    throw new TracewrightError({
      type: isFailureType(cause?.type) ? cause.type : 'update.refused',
      message: `${name}: ${cause?.message ?? error.message}`,
      remedy: `See \`tracewright status --name ${name}\`.`,
      cause: error,
    });
  }
}

function isRefusedAsPaused(error: unknown): boolean {
  if (error instanceof QueryRejectedError) return (error.status as number) === paused;
  // With the same code the server refuses an update whose worker is not ready yet.
  return grpcCodeOf(error) === grpcStatus.failedPrecondition && /\bpaused\b/u.test(grpcDetailsOf(error));
}

/** There is nothing that a command could be about. */
export function noEnvironment(name?: string): TracewrightError {
  if (name !== undefined) return notFound(name);
  return new TracewrightError({
    type: 'environment.not-found',
    message: 'There is no environment.',
    remedy: 'Start one with `tracewright up`.',
  });
}

export function notFound(name: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'environment.not-found',
    message: `There is no environment "${name}".`,
    remedy: '`tracewright list` shows all; `tracewright up --name <name>` makes one.',
    cause,
  });
}

/**
 * Temporal refuses updates and queries of a paused workflow, and keeps its signals until it goes on.
 * @param cause the refusal
 */
export function heldByOperator(name: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'environment.held',
    message: `An operator has paused the workflow of the environment "${name}" in Temporal: until it goes on, it does nothing and answers nothing.`,
    remedy: `Ask who paused it (\`temporal workflow describe\` says why), or let it go on: temporal workflow unpause --workflow-id ${environmentWorkflowId(name)}`,
    cause,
  });
}

export function orphanedRemedy(name: string): string {
  return `\`tracewright up --name ${name}\` takes it up again, \`tracewright down --name ${name}\` takes it away.`;
}
