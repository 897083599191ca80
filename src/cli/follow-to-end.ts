import { exitCodes, type CliContext, type ExitCode } from './context.js';
import { detachedLines } from './detach.js';
import { exitCodeOfEnd, finish } from './finish.js';
import { createJsonView } from './json-view.js';
import { createPlainView } from './plain-view.js';
import type { LastingSession } from './session.js';
import { watch, type View } from './watch.js';

export interface FollowOptions {
  /** The run of the plan to follow. @default whatever runs */
  fromRun?: number;
  /** Events as JSON lines instead of text. */
  json: boolean;
}

/** Follows an environment until nothing happens any more and says how it ended. Ctrl-C only detaches. */
export async function followToEnd(
  context: CliContext,
  session: LastingSession,
  name: string,
  options: FollowOptions,
): Promise<ExitCode> {
  const view = await viewFor(context, options);
  const watched = await watch(context, session, name, view, options.fromRun).catch((error: unknown) => {
    view.end();
    throw error;
  });
  const { progress, detached } = watched;
  if (detached || !progress) {
    view.end();
    if (!context.terminal && context.interrupted.aborted) context.note('');
    detachedLines(name, progress?.phase).forEach(context.note);
    return context.interrupted.aborted ? exitCodes.detached : exitCodes.ok;
  }
  const code = exitCodeOfEnd(progress);
  view.end(progress, code);
  finish(options.json ? { ...context, print: context.note } : context, session, progress);
  return code;
}

async function viewFor(context: CliContext, { json }: FollowOptions): Promise<View> {
  const { terminal, print, paint, note } = context;
  if (json) return createJsonView(print);
  if (!terminal) return createPlainView(context);
  const { createLiveView } = await import('./live-view.js');
  return createLiveView({ terminal, paint, note });
}
