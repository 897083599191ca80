import { isTracewrightError } from '../domain/failure.js';
import type { Progress } from '../domain/progress.js';
import { isPassingOutage } from '../temporal/grpc-status.js';
import type { CliContext, ExitCode } from './context.js';
import { follow, isSettled, type Snapshot } from './follow.js';
import type { LastingSession, Session } from './session.js';

/** Draws an environment while it changes. */
export interface View {
  show(snapshot: Snapshot): void;
  /** Something to say beside the environment, without spoiling what is drawn. @default the context's note */
  readonly note?: (line: string) => void;
  /** Called once, when nothing more will be shown; without arguments after a detachment or an error. */
  end(progress?: Progress, exitCode?: ExitCode): void;
}

export interface Watched {
  /** The last one that was seen. */
  readonly progress: Progress | undefined;
  /** By Ctrl-C, or because nobody reads our output any more. */
  readonly detached: boolean;
}

/** How often in a row a lost server or worker is brought back before we give up. */
const maxRevivals = 5;

/**
 * Shows an environment until nothing happens any more, or until Ctrl-C. A Temporal server or worker that dies meanwhile
 * is started again, and the view goes on.
 * @param fromRun the run of the plan to wait for: an earlier one may still be what the progress tells of at first
 */
export async function watch(
  { signal, note }: CliContext,
  session: LastingSession,
  name: string,
  view: View,
  fromRun = 0,
): Promise<Watched> {
  let last: Progress | undefined;
  const done = (progress: Progress): boolean => progress.run >= fromRun && isSettled(progress);
  for (let revivals = 0; ; revivals += 1) {
    try {
      for await (const snapshot of follow(session, name, done, signal)) {
        revivals = 0;
        last = snapshot.progress;
        if (last.run >= fromRun) view.show(snapshot);
      }
      return { progress: last, detached: signal.aborted };
    } catch (error) {
      if (signal.aborted) return { progress: last, detached: true };
      if (revivals >= maxRevivals || !isOutage(error, session)) throw error;
      await session.revive(view.note ?? note);
    }
  }
}

function isOutage(error: unknown, { hasWorker }: Session): boolean {
  const hasEnded = isTracewrightError(error) && error.type === 'temporal.worker-missing';
  return isPassingOutage(error) || (hasEnded && hasWorker);
}
