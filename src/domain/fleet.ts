import { phases, type EnvironmentSpec, type Phase, type Progress } from './progress.js';
import type { TargetKind } from './stack.js';

/** Seats of a fleet: environments of one stack that are installed, proved and taken away together. */

/** What a fleet is to be. On the wire, as all records here that messages carry: add fields, never rename them. */
export interface FleetWish {
  readonly count: number;
  readonly spec: EnvironmentSpec;
  /** The machine that makes their clusters. */
  readonly hostId: string;
  /** At most so many seats are at work for the fleet at one time. */
  readonly parallel: number;
}

/** What a fleet tells a seat to do. */
export type Order = { readonly id: string } & (
  | { readonly kind: 'apply'; readonly spec: EnvironmentSpec }
  | { readonly kind: 'verify' }
  | { readonly kind: 'teardown' }
);

export type OrderKind = Order['kind'];

/** Who is told how a seat is, and which of its orders the seat has taken last. */
export interface Membership {
  /** The id of the fleet's workflow. */
  readonly fleet: string;
  readonly order: string;
  /** Why the seat does not do what it was told. */
  readonly refused?: string;
}

/** What a seat tells its fleet, whenever one of these has changed. */
export interface SeatReport {
  readonly name: string;
  readonly phase: Phase;
  /** The last order that it has taken. */
  readonly order: string;
  /** Nothing happens there any more without a decision or another order. */
  readonly rests: boolean;
  /** What runs, or what is blocked. */
  readonly step?: string;
  /** Milliseconds since the epoch, as all times here: since when it waits for a slot of its machine. */
  readonly queuedSince?: number;
  /** Of the last install, verification or teardown: when its first step began, and the last one ended. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** Why it is not as it should be. */
  readonly why?: string;
}

/** `Waiting`: for its turn in the fleet. `Lost`: its workflow was ended by force. */
export const seatPhases = [...phases, 'Waiting', 'Lost'] as const;
export type SeatPhase = (typeof seatPhases)[number];

interface Seat {
  readonly name: string;
  /** What it was told last, or is to be told. */
  readonly order: { readonly id: string; readonly kind: OrderKind };
  /** When it was told, or last seen to run; absent while it waits for its turn. */
  readonly toldAt?: number;
  /** It was started, by the fleet or before it. */
  readonly exists: boolean;
  readonly phase: SeatPhase;
  readonly report?: SeatReport;
  /** Of a seat that is lost. */
  readonly why?: string;
}

/** All that a fleet knows. On the wire, as the input of its next run. */
export interface FleetState {
  readonly name: string;
  readonly startedAt: number;
  readonly wish?: FleetWish;
  /** The last order to all. */
  readonly order: string;
  readonly tearingDown: boolean;
  readonly seats: readonly Seat[];
}

/** A seat as clients see it. */
export interface SeatProgress extends Omit<SeatReport, 'order' | 'rests' | 'phase'> {
  readonly phase: SeatPhase;
  /** It has done, or refused, what it was told last. */
  readonly rests: boolean;
  /** While it is Queued: how many come before it on its machine, and 1. What the machine's slots say. */
  readonly place?: number;
}

/** The answer to the query of a fleet, and what `fleet status --json` prints. */
export interface FleetProgress {
  readonly fleet: string;
  readonly startedAt: number;
  readonly stack?: string;
  readonly target?: TargetKind;
  /** The machine that holds the clusters. */
  readonly hostId?: string;
  readonly parallel?: number;
  /** The last order to all seats. */
  readonly order: string;
  readonly tearingDown: boolean;
  readonly seats: readonly SeatProgress[];
}

/** `seat-01` … `seat-30`; three digits from 100 seats on. */
export function seatNames(fleet: string, count: number): string[] {
  const digits = Math.max(2, String(count).length);
  return Array.from({ length: count }, (_, index) => `${fleet}-${String(index + 1).padStart(digits, '0')}`);
}

export function newFleet(name: string, startedAt: number): FleetState {
  return { name, startedAt, order: '', tearingDown: false, seats: [] };
}

/** All seats are to be as wished; missing ones are added, and seats beyond the count stay as they are. */
export function wished(state: FleetState, wish: FleetWish, order: string): FleetState {
  const known = new Map(state.seats.map((seat) => [seat.name, seat]));
  const told = seatNames(state.name, wish.count).map((name): Seat => {
    const seat = known.get(name);
    known.delete(name);
    const exists = seat !== undefined && seat.exists && !isOver(seat);
    const fresh: Seat = { name, order: { id: order, kind: 'apply' }, exists: false, phase: 'Waiting' };
    return exists ? ordered(seat, order, 'apply') : fresh;
  });
  const seats = [...told, ...known.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  return { ...state, wish, order, seats };
}

/** Seats that are Ready prove themselves again; the others have something else to do. */
export function verificationOrdered(state: FleetState, order: string): FleetState {
  return {
    ...state,
    order,
    seats: mapSeats(
      state,
      (it) => it.phase === 'Ready',
      (it) => ordered(it, order, 'verify'),
    ),
  };
}

/** All seats go; those that were never begun at once. */
export function teardownOrdered(state: FleetState, order: string): FleetState {
  if (state.tearingDown) return state;
  const seats = mapSeats(
    state,
    (it) => it.phase !== 'Removed',
    (it) => (it.exists ? ordered(it, order, 'teardown') : { ...it, phase: 'Removed', toldAt: 0 }),
  );
  return { ...state, order, tearingDown: true, seats };
}

/** The seat whose turn it is: as many as the wish says are at work at one time. */
export function nextSeat({ seats, wish }: FleetState): Seat | undefined {
  const atWork = seats.filter((it) => it.toldAt !== undefined && !rests(it)).length;
  return atWork < (wish?.parallel ?? 1) ? seats.find((it) => it.toldAt === undefined) : undefined;
}

/** The seat is being told, or was seen to run. No two are told at one time, whatever the clock says. */
export function told(state: FleetState, name: string, now: number): FleetState {
  const others = state.seats.filter((it) => it.name !== name);
  const toldAt = Math.max(now, ...others.map((it) => (it.toldAt ?? 0) + 1));
  const begins = (it: Seat): Seat => {
    if (it.exists && it.phase !== 'Lost') return { ...it, toldAt };
    const { why: _, ...rest } = it;
    const phase = it.order.kind === 'teardown' ? 'TearingDown' : 'Provisioning';
    return { ...rest, toldAt, exists: true, phase };
  };
  return { ...state, seats: mapSeats(state, (it) => it.name === name, begins) };
}

/** News of a seat. An order that another one has replaced meanwhile does not count as done by it. */
export function reported(state: FleetState, report: SeatReport): FleetState {
  const seats = mapSeats(
    state,
    (it) => it.name === report.name && it.exists,
    ({ why: _, ...it }) => ({ ...it, report, phase: report.phase }),
  );
  return { ...state, seats };
}

/** Nobody can tell the seat anything any more. */
export function lost(state: FleetState, name: string, why: string): FleetState {
  const seats = mapSeats(
    state,
    (it) => it.name === name && !isOver(it),
    ({ report: _, ...it }) => ({ ...it, phase: 'Lost', why }),
  );
  return { ...state, seats };
}

/** A seat at work that has not been heard of for long, and when it is to be looked at; the first one that is due. */
export function nextLook({ seats }: FleetState): { name: string; at: number } | undefined {
  const due = seats.flatMap((it) =>
    it.toldAt !== undefined && !rests(it) ? [{ name: it.name, at: it.toldAt + lookEveryMs }] : [],
  );
  return due.sort((one, other) => one.at - other.at)[0];
}

const lookEveryMs = 60_000;

/** Everything is gone, by order or by itself: there is no fleet any more. */
export function isFleetOver({ seats, wish, tearingDown }: FleetState): boolean {
  if (!wish) return tearingDown;
  return seats.every((it) => isOver(it) && it.toldAt !== undefined);
}

export function progressOf({ name, startedAt, wish, order, tearingDown, seats }: FleetState): FleetProgress {
  return {
    fleet: name,
    startedAt,
    ...(wish && {
      stack: wish.spec.stack.name,
      target: wish.spec.target.kind,
      hostId: wish.hostId,
      parallel: wish.parallel,
    }),
    order,
    tearingDown,
    seats: seats.map(seatProgress),
  };
}

/** Whether nothing happens in the fleet any more without a decision or an order. */
export function isFleetAtRest({ seats }: Pick<FleetProgress, 'seats'>): boolean {
  return seats.every((it) => it.rests);
}

/** How many seats there are in each phase, in the order of their first. */
export function countPhases({ seats }: Pick<FleetProgress, 'seats'>): Map<SeatPhase, number> {
  const counts = new Map<SeatPhase, number>();
  for (const { phase } of seats) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  return counts;
}

/** What an environment tells its fleet about itself, but for times. @param idle no run was asked for that has not begun */
export function seatReportOf(
  progress: Progress,
  { order, refused }: Membership,
  idle: boolean,
): Omit<SeatReport, 'startedAt' | 'endedAt'> {
  const { environment: name, phase, steps, queuedSince, stoppedBecause } = progress;
  const blocked = steps.find(({ state }) => state === 'blocked' || state === 'failed');
  const step = blocked ?? steps.find(({ state }) => state === 'running' || state === 'removing');
  const failure = blocked?.failure;
  const why = failure
    ? `${failure.type}: ${failure.message}`
    : phase === 'Stopped'
      ? stoppedBecause
      : undefined;
  const isStill = !steps.some(({ state }) => state === 'running' || state === 'removing');
  return {
    name,
    phase,
    order,
    rests: idle && isStill && ['Ready', 'Blocked', 'Stopped', 'Removed'].includes(phase),
    ...(step && { step: step.name }),
    ...(queuedSince !== undefined && { queuedSince }),
    ...((refused ?? why) !== undefined && { why: (refused ?? why ?? '').slice(0, 500) }),
  };
}

/** When the work of a seat began and ended, after news of it; waiting for a slot is no work. */
export function workAfter(
  before: Pick<SeatReport, 'startedAt' | 'endedAt'>,
  { phase, rests }: Pick<SeatReport, 'phase' | 'rests'>,
  now: number,
): Pick<SeatReport, 'startedAt' | 'endedAt'> {
  const goesOn = before.startedAt !== undefined && before.endedAt === undefined;
  if (phase === 'Queued') return {};
  if (rests) return goesOn ? { ...before, endedAt: now } : before;
  return goesOn ? before : { startedAt: now };
}

function ordered(seat: Seat, id: string, kind: OrderKind): Seat {
  const { toldAt: _, ...rest } = seat;
  return { ...rest, order: { id, kind } };
}

/** It has been told what it was to be told, and has come to an end with it. */
function rests({ report, order, toldAt, phase }: Seat): boolean {
  if (toldAt === undefined) return false;
  if (phase === 'Removed' || phase === 'Lost') return true;
  return report?.order === order.id && report.rests;
}

function isOver({ phase }: Pick<Seat, 'phase'>): boolean {
  return phase === 'Removed';
}

function seatProgress(seat: Seat): SeatProgress {
  const { name, phase, report, why } = seat;
  const { order: _, rests: __, phase: ___, ...told } = report ?? { name };
  return { ...told, name, phase, rests: rests(seat), ...(why !== undefined && { why }) };
}

function mapSeats(
  { seats }: FleetState,
  which: (seat: Seat) => boolean,
  change: (seat: Seat) => Seat,
): readonly Seat[] {
  return seats.map((it) => (which(it) ? change(it) : it));
}
