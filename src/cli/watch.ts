import { isTracewrightError } from '../domain/failure.js';
import type { Progress } from '../domain/progress.js';
import { isPassingOutage } from '../temporal/grpc-status.js';
import type { CliContext, ExitCode } from './context.js';
import { follow, isSettled, type Snapshot } from './follow.js';
import type { Session } from './session.js';

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
  /** To be used from now on. */
  readonly session: Session;
  /** By Ctrl-C, or because nobody reads our output any more. */
  readonly detached: boolean;
}

/** How often in a row a lost server or worker is brought back before we give up. */
const maxRecoveries = 5;

/**
 * Shows an environment until nothing happens any more, or until Ctrl-C. A Temporal server or worker that dies meanwhile
 * is started again, and the view goes on.
 * @param fromRun the run of the plan to wait for: an earlier one may still be what the progress tells of at first
 */
export async function watch(
  surroundings: CliContext,
  session: Session,
  name: string,
  view: View,
  fromRun = 0,
): Promise<Watched> {
  const context = { ...surroundings, note: view.note ?? surroundings.note };
  let current = session;
  let last: Progress | undefined;
  const done = (progress: Progress): boolean => progress.run >= fromRun && isSettled(progress);
  for (let recoveries = 0; ; recoveries += 1) {
    try {
      for await (const snapshot of follow(current, name, done, context.signal)) {
        recoveries = 0;
        last = snapshot.progress;
        if (last.run >= fromRun) view.show(snapshot);
      }
      return { progress: last, session: current, detached: context.signal.aborted };
    } catch (error) {
      if (context.signal.aborted) return { progress: last, session: current, detached: true };
      if (recoveries >= maxRecoveries || !isOutage(error, current)) throw error;
      context.note(
        context.paint('yellow', 'The Temporal server or its worker does not answer; looking after them.'),
      );
      await current.close().catch(() => undefined);
      current = await current.reopen();
    }
  }
}

function isOutage(error: unknown, { hasWorker }: Session): boolean {
  const hasEnded = isTracewrightError(error) && error.type === 'temporal.worker-missing';
  return isPassingOutage(error) || (hasEnded && hasWorker);
}
