import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { EnvironmentState } from './environment-state.js';
import type { Inbox } from './inbox.js';

/**
 * Asks for a teardown when the environment has lived its time, and for a check when one is due. One timer each, and
 * only while there is something to wait for: a moment that moves costs two events, waiting costs none.
 * @returns stops the clocks
 */
export function startClocks(state: EnvironmentState, inbox: Inbox): () => void {
  const scope = new CancellationScope();
  const run = (summary: string, dueAt: () => number | undefined, act: () => void): void => {
    scope
      .run(() => alarm(summary, () => (inbox.teardownRequested ? undefined : dueAt()), act))
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  };
  run(
    'the environment is torn down by itself',
    () => state.expiresAt,
    () => {
      inbox.requestTeardown('its time to live was over');
    },
  );
  run(
    'the environment is proved again',
    () => (inbox.hasRequest ? undefined : state.nextVerificationAt),
    () => {
      inbox.requestRun({ kind: 'check', spec: state.spec });
    },
  );
  return () => {
    scope.cancel();
  };
}

/**
 * Calls `act`, which must change what `dueAt` says, whenever that moment has come.
 * @param summary what happens then, for the Web UI
 */
async function alarm(summary: string, dueAt: () => number | undefined, act: () => void): Promise<never> {
  for (;;) {
    await condition(() => dueAt() !== undefined);
    const moment = dueAt();
    if (moment === undefined) continue;
    const waitMs = Math.max(1, moment - Date.now());
    const moved = await condition(() => dueAt() !== moment, waitMs, { summary });
    if (!moved) act();
  }
}
