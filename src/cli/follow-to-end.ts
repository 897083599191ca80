import type { Phase } from '../domain/progress.js';
import { type CliContext, type ExitCode, exitCodes } from './context.js';
import { exitCodeOfEnd, finish, rowsBelowFrame } from './finish.js';
import { type Snapshot, type View, watch } from './follow.js';
import type { LastingSession } from './session.js';
import { frame } from './views/frame.js';
import { createJsonView } from './views/json-view.js';
import { createPlainView } from './views/plain-view.js';
import { Redraw, type Terminal } from './views/redraw.js';

interface FollowOptions {
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
  const view = viewFor(context, options);
  const watched = await watch(context, session, name, view, { fromRun: options.fromRun }).catch(
    (error: unknown) => {
      view.end();
      throw error;
    },
  );
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

function viewFor(context: CliContext, { json }: FollowOptions): View {
  const { terminal, print, paint, note } = context;
  if (json) return createJsonView(print);
  return terminal ? createLiveView({ terminal, paint, note }) : createPlainView(context);
}

const goesOn: Partial<Record<Phase, string>> = {
  Provisioning: 'the install goes on',
  Queued: 'it waits for its turn',
  Upgrading: 'the upgrade goes on',
  Verifying: 'the check goes on',
  TearingDown: 'the teardown goes on',
};

/**
 * What a person reads who leaves an environment in the middle of its work: that it goes on, and how to come back.
 * @param phase undefined when nothing has been seen of it yet
 */
function detachedLines(name: string, phase: Phase | undefined): string[] {
  const what = (phase && goesOn[phase]) ?? 'its work goes on';
  const back =
    phase === 'TearingDown'
      ? [[`tracewright down --name ${name}`, 'comes back, and ends the Temporal server with the last one']]
      : [
          [`tracewright status --watch --name ${name}`, 'comes back to it'],
          [`tracewright down --name ${name}`, 'takes everything away'],
        ];
  const columns = Math.max(...back.map(([command = '']) => command.length));
  return [
    `Detached from ${name}: ${what} in the background.`,
    ...back.map(([command = '', means = '']) => `  ${command.padEnd(columns)}   ${means}`),
  ];
}

/** Between two drawings, in milliseconds. */
const redrawMs = 250;

interface LiveViewOptions extends Pick<CliContext, 'paint' | 'note'> {
  readonly terminal: Terminal;
}

/** Draws the environment in place, four times a second; when it ends, the last frame stays. */
export function createLiveView({ terminal, paint, note }: LiveViewOptions): View {
  const redraw = new Redraw(terminal);
  let snapshot: Snapshot | undefined;

  const lines = (moving: boolean): string[] => {
    if (!snapshot) return [];
    // A full last column makes some terminals break the line, and so does a line below the last row.
    const size = { columns: terminal.columns - 1, ...(moving && { rows: terminal.rows - 1 }) };
    return frame(snapshot, {
      ...size,
      failureRows: terminal.rows - rowsBelowFrame,
      now: Date.now(),
      paint,
      moving,
    });
  };
  const draw = (): void => {
    redraw.draw(lines(true));
  };
  const timer = setInterval(draw, redrawMs);
  terminal.on('resize', draw);

  return {
    show: (next) => {
      const first = snapshot === undefined;
      snapshot = next;
      if (first) draw();
    },
    note: (line) => {
      redraw.draw([]);
      note(line);
      draw();
    },
    end: () => {
      clearInterval(timer);
      terminal.off('resize', draw);
      redraw.draw(lines(false));
      redraw.keep();
    },
  };
}
