import { describe, expect, it } from 'vitest';
import { eventSchema } from '../../src/cli/views/event-schema.js';
import {
  createJsonFleetView,
  createPlainFleetView,
  fleetFrame,
  seatText,
} from '../../src/cli/views/fleet-view.js';
import { createPaint } from '../../src/cli/views/format.js';
import { widthOf } from '../../src/cli/views/text-width.js';
import type { FleetProgress, SeatProgress } from '../../src/domain/fleet.js';
import { recordingContext } from './support.js';

const seat = (number: number, change: Partial<SeatProgress> = {}): SeatProgress => ({
  name: `lab-0${String(number)}`,
  phase: 'Ready',
  rests: true,
  startedAt: 1_000,
  endedAt: 43_000,
  ...change,
});

const fleet = (...seats: SeatProgress[]): FleetProgress => ({
  fleet: 'lab',
  startedAt: 0,
  stack: 'embedded',
  target: 'embedded',
  hostId: 'here',
  parallel: 8,
  order: 'one',
  tearingDown: false,
  seats,
});

const four = fleet(
  seat(1),
  seat(2, {
    phase: 'Provisioning',
    rests: false,
    step: 'tempo',
    startedAt: 90_000,
    endedAt: undefined as never,
  }),
  seat(3, { phase: 'Queued', rests: false, queuedSince: 95_000, place: 2 }),
  seat(4, {
    phase: 'Blocked',
    step: 'operator',
    why: 'chart.not-found: there is no such chart in the repository',
  }),
);

describe('the table of a fleet', () => {
  const options = { now: 100_000, columns: 80, paint: createPaint(false) };

  it('has a line for each seat: name, phase, time, step or place, and why', () => {
    const [head, ...lines] = fleetFrame(four, options);
    expect(head).toMatch(/^lab +4 seats: 1 Ready, 1 Provisioning, 1 Queued, 1 Blocked/u);
    expect(lines.map((line) => line.trim().split(/ {2,}/u))).toEqual([
      ['lab-01', 'Ready', '42 s'],
      ['lab-02', 'Provisioning', '10 s', 'tempo'],
      ['lab-03', 'Queued', '5.0 s', 'place 2'],
      ['lab-04', 'Blocked', '42 s', expect.stringMatching(/^operator: chart\.not-found/u)],
    ]);
    for (const line of [head ?? '', ...lines]) expect(widthOf(line)).toBeLessThanOrEqual(80);
  });

  it('keeps to the height of a terminal, and to what goes on or does not', () => {
    const large = fleet(...Array.from({ length: 40 }, (_, index) => seat(index + 10)), ...four.seats);
    const lines = fleetFrame(large, { ...options, rows: 6 });
    expect(lines.length).toBeLessThanOrEqual(6);
    expect(lines.join('\n')).toMatch(/lab-02[^]*lab-04[^]*42 more/u);
  });

  it('takes no control characters from a message', () => {
    expect(seatText(seat(1, { step: 'tempo', why: 'a\u001b[2Jb\nc' }))).toBe('tempo: a[2Jb c');
  });
});

describe('the lines of a fleet', () => {
  it('come when a phase is another, once', () => {
    const { context, lines } = recordingContext();
    const view = createPlainFleetView(context);
    view.show(four);
    view.show(four);
    view.show(fleet(...four.seats.slice(0, 2), seat(3)));
    expect(lines.map((line) => line.split(/ +/u).slice(0, 2))).toEqual([
      ['lab-01', 'Ready'],
      ['lab-02', 'Provisioning'],
      ['lab-03', 'Queued'],
      ['lab-04', 'Blocked'],
      ['lab-03', 'Ready'],
    ]);
  });

  it('are events as JSON when a seat has changed, and one at the end', () => {
    const lines: string[] = [];
    const view = createJsonFleetView((line) => lines.push(line));
    view.show(four);
    view.show(four);
    view.show(fleet(...four.seats.slice(0, 2), seat(3, { phase: 'Queued', rests: false, place: 1 })));
    view.end(four, 3);
    const events = lines.map((line) => eventSchema.parse(JSON.parse(line)));
    expect(
      events.map((it) => (it.event === 'seat' ? [it.environment, it.phase, it.place] : it.event)),
    ).toEqual([
      ['lab-01', 'Ready', undefined],
      ['lab-02', 'Provisioning', undefined],
      ['lab-03', 'Queued', 2],
      ['lab-04', 'Blocked', undefined],
      ['lab-03', 'Queued', 1],
      'fleet-end',
    ]);
    expect(events.at(-1)).toMatchObject({
      exitCode: 3,
      phases: { Ready: 1, Provisioning: 1, Queued: 1, Blocked: 1 },
    });
  });
});
