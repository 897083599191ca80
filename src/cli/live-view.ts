import type { CliContext } from './context.js';
import { rowsBelowFrame } from './finish.js';
import type { Snapshot } from './follow.js';
import { frame } from './frame.js';
import { Redraw, type Terminal } from './redraw.js';
import type { View } from './watch.js';

/** Between two drawings, in milliseconds. */
const redrawMs = 250;

export interface LiveViewOptions extends Pick<CliContext, 'paint' | 'note'> {
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
