import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { EnvironmentState } from './environment-state.js';
import type { Inbox } from './inbox.js';

/**
 * Asks for a teardown when the environment has lived its time, and for a check when one is due. One timer each, and only
 * while there is something to wait for: a moment that moves costs two events, waiting costs none.
 * @returns stops the clocks
 */
export function startClocks(state: EnvironmentState, inbox: Inbox): () => void {
  const scope = new CancellationScope();
  const run = (dueAt: () => number | undefined, act: () => void): void => {
    scope
      .run(() => alarm(() => (inbox.teardownRequested ? undefined : dueAt()), act))
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
  };
  run(
    () => state.expiresAt,
    () => {
      inbox.requestTeardown('its time to live was over');
    },
  );
  run(
    () => (inbox.hasRequest ? undefined : state.nextVerificationAt),
    () => {
      inbox.requestRun({ kind: 'check', spec: state.spec });
    },
  );
  return () => {
    scope.cancel();
  };
}

/** Calls `act`, which must change what `dueAt` says, whenever that moment has come. */
async function alarm(dueAt: () => number | undefined, act: () => void): Promise<never> {
  for (;;) {
    await condition(() => dueAt() !== undefined);
    const moment = dueAt();
    if (moment === undefined) continue;
    const moved = await condition(() => dueAt() !== moment, Math.max(1, moment - Date.now()));
    if (!moved) act();
  }
}
