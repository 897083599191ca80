import { describe, expect, it } from 'vitest';
import {
  countPhases,
  isFleetAtRest,
  isFleetOver,
  lost,
  newFleet,
  nextLook,
  nextSeat,
  progressOf,
  reported,
  seatNames,
  seatReportOf,
  teardownOrdered,
  told,
  verificationOrdered,
  wished,
  workAfter,
  type FleetState,
  type SeatReport,
} from '../../src/domain/fleet.js';
import type { Progress, StepProgress } from '../../src/domain/progress.js';
import { spec } from '../support/stack.js';

const wish = { count: 3, spec: spec(), hostId: 'here', parallel: 2 };
const begun = (count = 3): FleetState => wished(newFleet('seat', 0), { ...wish, count }, 'first');

const report = (name: string, change: Partial<SeatReport> = {}): SeatReport => ({
  name,
  phase: 'Ready',
  order: 'first',
  rests: true,
  ...change,
});

/** Tells every seat whose turn it is, and lets each report at once. */
function played(state: FleetState, change: (name: string) => Partial<SeatReport> = () => ({})): FleetState {
  for (let now = 1; ; now += 1) {
    const next = nextSeat(state);
    if (!next) return state;
    state = reported(
      told(state, next.name, now),
      report(next.name, { order: next.order.id, ...change(next.name) }),
    );
  }
}

const phases = (state: FleetState): string[] => progressOf(state).seats.map(({ phase }) => phase);

describe('the seats of a fleet', () => {
  it('have names of one width, in order', () => {
    expect(seatNames('seat', 2)).toEqual(['seat-01', 'seat-02']);
    expect(seatNames('seat', 100).slice(8, 11)).toEqual(['seat-009', 'seat-010', 'seat-011']);
  });

  it('get to work as many at a time as was wished, and the next one when one rests', () => {
    let state = begun();
    for (const now of [1, 2]) state = told(state, nextSeat(state)?.name ?? '', now);
    expect(nextSeat(state)).toBeUndefined();
    expect(phases(state)).toEqual(['Provisioning', 'Provisioning', 'Waiting']);
    expect(nextSeat(reported(state, report('seat-01', { rests: false })))).toBeUndefined();
    expect(nextSeat(reported(state, report('seat-01', { phase: 'Blocked' })))?.name).toBe('seat-03');
    expect(isFleetAtRest(progressOf(played(state)))).toBe(false);
    expect(isFleetAtRest(progressOf(played(begun())))).toBe(true);
  });

  it('are not done by news of an order that another one has replaced', () => {
    const again = wished(played(begun()), wish, 'second');
    const one = told(again, 'seat-01', 9);
    expect(progressOf(reported(one, report('seat-01'))).seats[0]?.rests).toBe(false);
    expect(progressOf(reported(one, report('seat-01', { order: 'second' }))).seats[0]?.rests).toBe(true);
  });

  it('are added by a larger count, begun anew when they have gone, and stay with a smaller one', () => {
    const gone = reported(played(begun()), report('seat-02', { phase: 'Removed' }));
    const more = wished(gone, { ...wish, count: 4 }, 'second');
    expect(more.seats.map(({ exists }) => exists)).toEqual([true, false, true, false]);
    const fewer = wished(played(more), { ...wish, count: 1 }, 'third');
    expect(fewer.seats.map(({ order }) => order.id)).toEqual(['third', 'second', 'second', 'second']);
  });

  it('are verified where they are Ready, and nowhere else', () => {
    const state = played(begun(), (name) => (name === 'seat-02' ? { phase: 'Blocked' } : {}));
    expect(verificationOrdered(state, 'check').seats.map(({ order }) => order.kind)).toEqual([
      'verify',
      'apply',
      'verify',
    ]);
  });

  it('are gone at once when they were never begun; the fleet is over with the last one', () => {
    const state = teardownOrdered(told(begun(), 'seat-01', 1), 'gone');
    expect(phases(state)).toEqual(['Provisioning', 'Removed', 'Removed']);
    expect(isFleetOver(state)).toBe(false);
    const over = played(state, () => ({ phase: 'Removed' }));
    expect(isFleetOver(over)).toBe(true);
    expect(teardownOrdered(over, 'again')).toBe(over);
  });

  it('are lost when their workflow has ended, and at work again when they are told something', () => {
    const state = lost(played(begun()), 'seat-01', 'it was terminated');
    expect(progressOf(state).seats[0]).toMatchObject({
      phase: 'Lost',
      why: 'it was terminated',
      rests: true,
    });
    const again = told(teardownOrdered(state, 'gone'), 'seat-01', 5);
    expect(progressOf(again).seats[0]).toMatchObject({ phase: 'TearingDown', rests: false });
  });

  it('are looked at while they work and say nothing, the longest silent first', () => {
    const clockWentBack = told(told(begun(), 'seat-01', 1_000), 'seat-02', 500);
    expect(nextLook(clockWentBack)).toEqual({ name: 'seat-01', at: 61_000 });
    expect(nextLook(told(clockWentBack, 'seat-01', 1_000))).toEqual({ name: 'seat-02', at: 61_001 });
    expect(nextLook(played(begun()))).toBeUndefined();
  });

  it('are counted by their phases', () => {
    expect([...countPhases(progressOf(told(begun(), 'seat-01', 1)))]).toEqual([
      ['Provisioning', 1],
      ['Waiting', 2],
    ]);
  });
});

describe('what a seat reports', () => {
  const step = (name: string, change: Partial<StepProgress>): StepProgress => ({
    name,
    kind: 'release',
    title: name,
    needs: [],
    state: 'pending',
    ...change,
  });
  const progress = (change: Partial<Progress>): Progress => ({
    environment: 'seat-01',
    phase: 'Provisioning',
    stack: 'shape',
    target: 'embedded',
    run: 1,
    startedAt: 0,
    updatedAt: 0,
    steps: [step('cluster', { state: 'done' }), step('tempo', { state: 'running' })],
    ...change,
  });
  const member = { fleet: 'fleet-seat', order: 'first' };

  it('is what runs, and that it does not rest', () => {
    expect(seatReportOf(progress({}), member, true)).toEqual({
      name: 'seat-01',
      phase: 'Provisioning',
      order: 'first',
      rests: false,
      step: 'tempo',
    });
  });

  it('is what is blocked and why, also while another step still runs', () => {
    const failure = { type: 'chart.not-found' as const, message: 'no chart', remedy: '', retryable: false };
    const blocked = step('operator', { state: 'blocked', failure });
    const rest = progress({ phase: 'Blocked', steps: [blocked] });
    expect(seatReportOf(rest, member, true)).toMatchObject({
      rests: true,
      step: 'operator',
      why: 'chart.not-found: no chart',
    });
    const busy = progress({ phase: 'Blocked', steps: [blocked, step('tempo', { state: 'running' })] });
    expect(seatReportOf(busy, member, true).rests).toBe(false);
  });

  it('is no rest while something that was asked for has not begun, and says what was refused', () => {
    const ready = progress({ phase: 'Ready', steps: [] });
    expect(seatReportOf(ready, member, false).rests).toBe(false);
    expect(seatReportOf(ready, { ...member, refused: 'no' }, true)).toMatchObject({ rests: true, why: 'no' });
  });

  it('counts as time what is work, and not what is waiting for a slot', () => {
    const busy = { phase: 'Provisioning', rests: false } as const;
    const queued = { phase: 'Queued', rests: false } as const;
    const rest = { phase: 'Ready', rests: true } as const;
    expect(workAfter({}, queued, 1)).toEqual({});
    const works = workAfter({}, busy, 5);
    expect(works).toEqual({ startedAt: 5 });
    expect(workAfter(works, busy, 7)).toEqual({ startedAt: 5 });
    const done = workAfter(works, rest, 9);
    expect(done).toEqual({ startedAt: 5, endedAt: 9 });
    expect(workAfter(done, rest, 11)).toEqual(done);
    expect(workAfter(done, busy, 20)).toEqual({ startedAt: 20 });
    expect(workAfter({}, rest, 1)).toEqual({});
  });
});
