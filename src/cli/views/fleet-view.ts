import { formatDuration } from '../../domain/duration.js';
import { countPhases, type FleetProgress, type SeatPhase, type SeatProgress } from '../../domain/fleet.js';
import type { CliContext, ExitCode } from '../context.js';
import type { FleetEndEvent, SeatEvent } from './event-schema.js';
import type { Paint, PaintStyle } from './format.js';
import { Redraw, type Terminal } from './redraw.js';
import { phaseStyles } from './step-text.js';
import { fit, fitPainted, printable, widthOf, type Piece } from './text-width.js';

/** Draws a fleet while it changes. */
export interface FleetView {
  show(progress: FleetProgress): void;
  /** Something to say beside the fleet, without spoiling what is drawn. */
  readonly note?: (line: string) => void;
  /** Called once; without arguments after a detachment or an error. */
  end(progress?: FleetProgress, exitCode?: ExitCode): void;
}

const styles: Readonly<Record<SeatPhase, PaintStyle>> = { ...phaseStyles, Waiting: 'dim', Lost: 'red' };

interface FleetFrameOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly columns: number;
  /** At most so many lines: seats of a phase that needs nobody become one line. @default a line for each */
  readonly rows?: number;
  readonly paint: Paint;
}

/** A fleet at one moment: a head, and a line for each seat: name, phase, step or place, time, why. */
export function fleetFrame(progress: FleetProgress, options: FleetFrameOptions): string[] {
  const { columns, rows = Infinity, paint } = options;
  const { seats } = progress;
  const names = Math.max(0, ...seats.map(({ name }) => widthOf(name)));
  const line = (seat: SeatProgress): string =>
    `  ${fitPainted(seatPieces(seat, names, options.now), columns - 2, paint).trimEnd()}`;
  const all = [headLine(progress, columns, paint), ...seats.map(line)];
  if (all.length <= rows) return all;
  // Whoever looks at a large fleet looks for what goes on, and for what does not.
  const quiet: readonly SeatPhase[] = ['Ready', 'Removed', 'Waiting', 'Queued'];
  const shown = seats.filter(({ phase }) => !quiet.includes(phase)).map(line);
  return [all[0] ?? '', ...shown, paint('dim', `  and ${String(seats.length - shown.length)} more`)].slice(
    0,
    rows,
  );
}

function headLine(progress: FleetProgress, columns: number, paint: Paint): string {
  const { fleet, stack, target, seats } = progress;
  const counts = [...countPhases(progress)].flatMap(([phase, count], index) => [
    { text: index === 0 ? ': ' : ', ' },
    { text: `${String(count)} ${phase}`, style: styles[phase] },
  ]);
  const of = stack === undefined ? '' : `  stack ${stack}, target ${target ?? ''}`;
  return fitPainted(
    [
      { text: fleet, style: 'bold' },
      { text: `  ${String(seats.length)} seats` },
      ...counts,
      { text: of, style: 'dim' },
    ],
    columns,
    paint,
  ).trimEnd();
}

function seatPieces(seat: SeatProgress, names: number, now: number): Piece[] {
  const { name, phase } = seat;
  const took = tookMs(seat, now);
  return [
    { text: `${fit(name, names)}  ` },
    { text: fit(phase, 12), style: styles[phase] },
    { text: ` ${(took === undefined ? '' : formatDuration(took)).padStart(11)}  ` },
    { text: seatText(seat) },
  ];
}

/** What a seat does, where it stands in the line, or why it is not as it should be. */
export function seatText({ step, place, why, phase }: SeatProgress): string {
  const what = phase === 'Queued' ? (place === undefined ? '' : `place ${String(place)}`) : (step ?? '');
  return [what, why]
    .filter((it) => it !== undefined && it !== '')
    .map((it) => printable(it ?? ''))
    .join(': ');
}

/** Of the last install, verification or teardown; of a seat that waits for a slot, since when. In milliseconds. */
function tookMs({ startedAt, endedAt, queuedSince }: SeatProgress, now: number): number | undefined {
  const since = queuedSince ?? startedAt;
  return since === undefined
    ? undefined
    : Math.max(0, (queuedSince === undefined ? (endedAt ?? now) : now) - since);
}

/** One line whenever the phase of a seat is another: for pipes, logs and CI. */
export function createPlainFleetView({ print, paint }: Pick<CliContext, 'print' | 'paint'>): FleetView {
  const known = new Map<string, SeatPhase>();
  return {
    show: ({ seats }) => {
      const names = Math.max(...seats.map(({ name }) => name.length));
      for (const seat of seats) {
        if (known.get(seat.name) === seat.phase) continue;
        known.set(seat.name, seat.phase);
        const pieces = seatPieces(seat, names, Date.now());
        print(
          pieces
            .map(({ text, style }) => (style ? paint(style, text) : text))
            .join('')
            .trimEnd(),
        );
      }
    },
    end: () => undefined,
  };
}

/** Newline-delimited JSON: an object whenever a seat has changed, as docs/reference/events.md describes them. */
export function createJsonFleetView(print: (line: string) => void): FleetView {
  const known = new Map<string, string>();
  return {
    show: ({ fleet, seats }) => {
      for (const { name, ...seat } of seats) {
        const text = JSON.stringify(seat);
        if (known.get(name) === text) continue;
        known.set(name, text);
        const event: SeatEvent = { event: 'seat', at: Date.now(), environment: name, fleet, ...seat };
        print(JSON.stringify(event));
      }
    },
    end: (progress, exitCode) => {
      if (!progress || exitCode === undefined) return;
      const phases = Object.fromEntries(countPhases(progress));
      const event: FleetEndEvent = {
        event: 'fleet-end',
        at: Date.now(),
        fleet: progress.fleet,
        exitCode,
        phases,
      };
      print(JSON.stringify(event));
    },
  };
}

/** Draws the fleet in place; when it ends, the last frame stays, with all of its seats. */
export function createLiveFleetView({
  terminal,
  paint,
  note,
}: Pick<CliContext, 'paint' | 'note'> & { readonly terminal: Terminal }): FleetView {
  const redraw = new Redraw(terminal);
  let last: FleetProgress | undefined;
  const draw = (rows: number): void => {
    // A full last column makes some terminals break the line.
    if (last) redraw.draw(fleetFrame(last, { now: Date.now(), columns: terminal.columns - 1, rows, paint }));
  };
  return {
    show: (progress) => {
      last = progress;
      draw(terminal.rows - 1);
    },
    note: (line) => {
      redraw.draw([]);
      note(line);
      draw(terminal.rows - 1);
    },
    end: () => {
      draw(Infinity);
      redraw.keep();
    },
  };
}
