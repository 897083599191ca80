import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { FleetProgress, FleetState, FleetWish, Order, SeatReport } from '../domain/fleet.js';
import type { Leftover } from '../domain/leftovers.js';
import type { EnvironmentSpec, Progress } from '../domain/progress.js';
import type { SlotAnswer, SlotQueue, SlotRequest, SlotUser } from '../domain/slots.js';

/** The run of the plan that a request started or joined; `progress.run` tells when it is its turn. */
export interface RunTicket {
  readonly run: number;
}

export interface ApplyArguments {
  readonly spec: EnvironmentSpec;
}

export interface StepDecision {
  readonly step: string;
}

export interface ExtendArguments {
  /** To live for so many milliseconds from now, or `null`: for ever. */
  readonly ms: number | null;
}

export interface ExtendResult {
  /** Milliseconds since the epoch; absent when it lives for ever, or counts from the end of the install that runs. */
  readonly expiresAt?: number;
}

/** All that an environment knows about itself, at any time. */
export const progressQuery = defineQuery<Progress>('progress');

/** What the environment is to be: the stack and where it stands. Large, so not a part of the progress. */
export const specQuery = defineQuery<EnvironmentSpec>('spec');

/** What an earlier upgrade was to remove and has not removed yet. */
export const leftoversQuery = defineQuery<readonly Leftover[]>('leftovers');

/** Take everything away. Works at any moment; a second one changes nothing. */
export const teardownSignal = defineSignal('teardown');

/**
 * Make the environment what the spec says: installs, goes on after a block (all blocked steps are tried again),
 * or runs the whole plan once more, in which every step observes first and changes only what differs. What only the old
 * stack had is removed. A verification gives way.
 */
export const applyUpdate = defineUpdate<RunTicket, [ApplyArguments]>('apply');

/** Prove again that a Ready environment works; joins a check by schedule that runs. */
export const verifyUpdate = defineUpdate<RunTicket>('verify');

/** Try a blocked step again. */
export const retryUpdate = defineUpdate<RunTicket, [StepDecision]>('retry');

/** Go on without a blocked step. */
export const skipUpdate = defineUpdate<RunTicket, [StepDecision]>('skip');

/** Stop the running plan; what is installed stays. */
export const abortUpdate = defineUpdate<RunTicket>('abort');

/** Start no new step until `resume`; what runs goes on. Checks by schedule wait as well, the time to live does not. */
export const pauseUpdate = defineUpdate<RunTicket>('pause');

/** Go on after `pause`. */
export const resumeUpdate = defineUpdate<RunTicket>('resume');

/** Live longer, or shorter, than the spec says. Holds for later installs too, until a spec says otherwise. */
export const extendUpdate = defineUpdate<ExtendResult, [ExtendArguments]>('extend');

export interface OrderArguments {
  /** The id of the fleet's workflow, which is told from now on how the environment is. */
  readonly fleet: string;
  readonly order: Order;
}

/** To an environment, from its fleet. The same order once more changes nothing; one that is refused is reported so. */
export const orderSignal = defineSignal<[OrderArguments]>('order');

/** To a fleet, from one of its environments. */
export const seatReportSignal = defineSignal<[SeatReport]>('seatReport');

/** The order to all seats that a request started; `order` of the progress tells when it counts. */
export interface FleetTicket {
  readonly order: string;
}

/** Make the fleet what the wish says: seats that are there as well, and add those that are missing. */
export const fleetApplyUpdate = defineUpdate<FleetTicket, [FleetWish]>('fleetApply');

/** Prove again that the seats that are Ready work. */
export const fleetVerifyUpdate = defineUpdate<FleetTicket>('fleetVerify');

/** Take all seats away. Works at any moment; a second one changes nothing. */
export const fleetTeardownSignal = defineSignal('fleetTeardown');

/** All seats, with what the fleet knows of each. */
export const fleetProgressQuery = defineQuery<FleetProgress>('fleetProgress');

/** All that a fleet remembers: for one whose workflow was ended by force. Large, so not a part of the progress. */
export const fleetStateQuery = defineQuery<FleetState>('fleetState');

/** To an environment, from who keeps the slots of its machine: you hold one. */
export const slotGrantedSignal = defineSignal('slotGranted');

/** To the keeper of a machine's slots: give me one, or a place in the line. */
export const askSlotUpdate = defineUpdate<SlotAnswer, [SlotRequest]>('askSlot');

/** To the keeper: I need my slot, or my place in the line, no more. */
export const giveBackSlotSignal = defineSignal<[SlotUser]>('giveBackSlot');

/** Who holds a slot, and who waits. */
export const slotsQuery = defineQuery<SlotQueue>('slots');

/**
 * Ids of changes that running environments notice: histories of before go on as they began. On the wire.
 */
export const patches = {
  /** `up` on an environment of which only the proof is blocked goes over everything again. */
  upMends: 'up-mends',
  /** A check by schedule that fails is repeated when the next one is due. */
  checksGoOn: 'checks-go-on',
  /** Stacks are the same whatever the order of their keys. */
  stacksByContent: 'stacks-by-content',
  /** Leftovers keep the names of their steps. */
  leftoversKeepNames: 'leftovers-keep-names',
  /** An install of a local cluster takes a slot of its machine. */
  slots: 'slots',
  /** The trace of an install is sent to the trace store that it made. */
  installTrace: 'install-trace',
} as const;
