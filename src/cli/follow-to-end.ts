import { exitCodes, type CliContext, type ExitCode } from './context.js';
import { finish } from './finish.js';
import { createJsonView } from './json-view.js';
import { createPlainView } from './plain-view.js';
import type { Session } from './session.js';
import { watch } from './watch.js';

export interface FollowOptions {
  /** The run of the plan to follow. @default whatever runs */
  fromRun?: number;
  /** JSON lines instead of text. */
  json: boolean;
}

/** Follows an environment until nothing happens any more and says how it ended. Ctrl-C only detaches. */
export async function followToEnd(
  context: CliContext,
  session: Session,
  name: string,
  options: FollowOptions,
): Promise<ExitCode> {
  const view = options.json ? createJsonView(context.print) : createPlainView(context);
  const { progress, session: current, detached } = await watch(context, session, name, view, options.fromRun);
  try {
    if (detached || !progress) {
      if (context.interrupted.aborted) context.note('');
      context.note(
        `Detached: it goes on in the background. \`tracewright status --watch --name ${name}\` comes back to it.`,
      );
      return context.interrupted.aborted ? exitCodes.detached : exitCodes.ok;
    }
    return finish(options.json ? { ...context, print: context.note } : context, current, progress);
  } finally {
    if (current !== session) await current.close();
  }
}
