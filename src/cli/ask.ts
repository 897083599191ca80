import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isPassingOutage } from '../temporal/grpc-status.js';
import type { CliContext } from './context.js';
import type { LastingSession } from './session.js';

/** How often a question is asked. With the waits between them, half a minute. */
const attempts = 6;

/** In milliseconds, before the second attempt; twice as long before each one after it. */
const firstWaitMs = 500;

/** In milliseconds, between two looks at the processes behind an unanswered question. */
const lookEveryMs = 500;

/**
 * Asks an environment for a change. A server or worker that dies meanwhile is started again, one that has just come is
 * given time, and it is asked again.
 * @param send is to use the id that it is given, so that what was done already is not done twice
 * @throws what the last `send` throws, and what is no outage, or an interruption, at once
 */
export async function ask<T>(
  { note, signal }: Pick<CliContext, 'note' | 'signal'>,
  session: LastingSession,
  send: (client: Client, updateId: string) => Promise<T>,
): Promise<T> {
  const updateId = randomUUID();
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (attempt > 1) {
        await sleep(firstWaitMs * 2 ** (attempt - 2), undefined, { signal });
        await session.revive(note);
      }
      return await whileAlive(session, signal, () => send(session.client, updateId));
    } catch (error) {
      if (attempt >= attempts || signal.aborted || !isPassingOutage(error)) throw error;
    }
  }
}

/** The client would wait for ever for a worker that has died: then the call is cancelled, and so it is by Ctrl-C. */
async function whileAlive<T>(
  session: LastingSession,
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T> {
  const [died, answered] = [new AbortController(), new AbortController()];
  signal.addEventListener(
    'abort',
    () => {
      died.abort();
    },
    { once: true, signal: answered.signal },
  );
  if (signal.aborted) died.abort();
  const watching = cancelOnceDead(session, died, answered.signal);
  try {
    return await session.client.withAbortSignal(died.signal, call);
  } finally {
    answered.abort();
    await watching;
  }
}

async function cancelOnceDead(
  session: LastingSession,
  died: AbortController,
  answered: AbortSignal,
): Promise<void> {
  while (!answered.aborted) {
    if (!(await session.isAlive())) {
      died.abort();
      return;
    }
    await sleep(lookEveryMs, undefined, { signal: answered }).catch(() => undefined);
  }
}
