import type { Client } from '@temporalio/client';
import { toFailure } from '../../domain/failure.js';
import { grpcCodeOf, grpcStatus } from '../../temporal/grpc-status.js';
import type { Findings } from './part.js';

export interface Question {
  /** For the list of what is missing. */
  readonly what: string;
  /** In milliseconds. */
  readonly limitMs: number;
  readonly put: () => Promise<Partial<Findings>>;
}

/**
 * Puts a question to the Temporal server. What fails, or takes too long, is named as missing.
 *
 * Not as a `Part`, which is left alone when its time is over: the client tries failed calls again, and one that is
 * still to be tried when the connection is closed throws where nobody can catch it. Calls with a deadline are over when
 * it has passed.
 */
export async function ask(client: Client, { what, limitMs, put }: Question): Promise<Partial<Findings>> {
  try {
    return await client.withDeadline(Date.now() + limitMs, put);
  } catch (error) {
    const late = grpcCodeOf(error) === grpcStatus.deadlineExceeded;
    const why = late ? `no answer within ${String(limitMs / 1_000)} s` : toFailure(error).message;
    return { missing: [{ what, why }] };
  }
}
