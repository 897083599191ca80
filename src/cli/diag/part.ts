import type { Client } from '@temporalio/client';
import { toFailure } from '../../domain/failure.js';
import { grpcCodeOf, grpcStatus } from '../../temporal/grpc-status.js';
import { sharedSignal } from '../../tools/shared-signal.js';

/** A file of the archive, before secrets are taken out of it. */
export interface DiagFile {
  /** Inside the archive, such as `environment/history.json`. */
  readonly path: string;
  /** What it is, for the index. */
  readonly what: string;
  /** Text, or anything that serialises to JSON. */
  readonly content: unknown;
  /** It is the end of a log, with some lines before it that go when secrets are hidden. */
  readonly cut?: boolean;
}

/** Something that could not be collected. */
export interface Missing {
  readonly what: string;
  readonly why: string;
}

/** What one part of the collection found. */
export interface Findings {
  readonly files: readonly DiagFile[];
  readonly missing: readonly Missing[];
  /** Values that must not stand in any file of any part. */
  readonly secrets: readonly string[];
}

/** One thing that is collected by itself: its failure or slowness takes nothing else along. */
export interface Part {
  /** For the list of what is missing. */
  readonly what: string;
  /** In milliseconds. */
  readonly limitMs: number;
  readonly collect: (signal: AbortSignal) => Promise<Partial<Findings>>;
}

/**
 * Collects all parts side by side, each within its own time. What fails, or takes too long, is named as missing.
 * @throws the reason of `signal` when that fires
 */
export async function collectParts(parts: readonly Part[], signal: AbortSignal): Promise<Findings> {
  const found = merge(await Promise.all(parts.map((part) => collectOne(part, signal))));
  signal.throwIfAborted();
  return found;
}

/** All findings as one, in this order. */
export function merge(all: readonly Partial<Findings>[]): Findings {
  return {
    files: all.flatMap(({ files = [] }) => files),
    missing: all.flatMap(({ missing = [] }) => missing),
    secrets: all.flatMap(({ secrets = [] }) => secrets),
  };
}

async function collectOne({ what, limitMs, collect }: Part, signal: AbortSignal): Promise<Partial<Findings>> {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort();
  }, limitMs);
  const either = sharedSignal(signal, limit.signal);
  // Not everything that is asked heeds a signal: nobody waits longer for it.
  const late = new Promise<never>((_, reject) => {
    const end = (): void => {
      reject(new Error(`no answer within ${String(limitMs / 1_000)} s`));
    };
    either.addEventListener('abort', end, { once: true });
  });
  try {
    return await Promise.race([collect(either), late]);
  } catch (error) {
    return { missing: [{ what, why: toFailure(error).message }] };
  } finally {
    clearTimeout(timer);
  }
}

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
