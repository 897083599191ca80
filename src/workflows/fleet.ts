import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowFailure,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { environmentStart } from '../domain/environment-start.js';
import {
  isFleetOver,
  lost,
  newFleet,
  nextLook,
  nextSeat,
  progressOf,
  reported,
  teardownOrdered,
  told,
  verificationOrdered,
  wished,
  type FleetProgress,
  type FleetState,
  type FleetWish,
  type Order,
} from '../domain/fleet.js';
import { environmentWorkflowId } from '../domain/names.js';
import { installedPlanOf } from '../domain/plan.js';
import { comes } from './clock.js';
import type { environment, EnvironmentInput } from './environment.js';
import { requirePlan } from './handlers.js';
import {
  fleetApplyUpdate,
  fleetProgressQuery,
  fleetStateQuery,
  fleetTeardownSignal,
  fleetVerifyUpdate,
  orderSignal,
  seatReportSignal,
  type FleetTicket,
} from './messages.js';
import { fleetDetails } from './presentation.js';

export interface FleetInput {
  readonly name: string;
  /** What the run before knew, when this one continues it. */
  readonly state?: FleetState;
  /**
   * For tests: continue as new after so many events of history.
   * @default when the server suggests it
   */
  readonly continueAfterEvents?: number;
}

/**
 * Environments that are installed, proved and taken away together. Each is a workflow of its own, which outlives this
 * one and answers to every command of single environments; the fleet starts them, gives them orders, so many at a time,
 * and hears from each how it is.
 * @returns the last progress, when all are removed
 */
export async function fleet(input: FleetInput): Promise<FleetProgress> {
  const parts = new Fleet(input);
  try {
    await parts.run();
  } catch (error) {
    if (!isCancellation(error)) throw error;
    // A cancellation of the workflow means a teardown, as for an environment.
    await CancellationScope.nonCancellable(async () => {
      parts.tearDown();
      await parts.run();
    });
  }
  return parts.progress();
}

class Fleet {
  private readonly input: FleetInput;
  private state: FleetState;
  private orders = 0;

  constructor(input: FleetInput) {
    this.input = input;
    this.state = input.state ?? newFleet(input.name, Date.now());
    setHandler(fleetProgressQuery, () => this.progress());
    setHandler(fleetStateQuery, () => this.state);
    setHandler(seatReportSignal, (report) => {
      this.note(reported(this.state, report));
    });
    setHandler(fleetTeardownSignal, () => {
      this.tearDown();
    });
    setHandler(fleetApplyUpdate, (wish) => this.ordered((it, order) => wished(it, wish, order)), {
      validator: (wish: FleetWish) => {
        this.duringTeardown();
        requirePlan(wish.spec);
        requireSizes(wish);
      },
    });
    setHandler(fleetVerifyUpdate, () => this.ordered(verificationOrdered), {
      validator: () => {
        this.duringTeardown();
      },
    });
  }

  progress(): FleetProgress {
    return progressOf(this.state);
  }

  tearDown(): void {
    this.ordered(teardownOrdered);
  }

  /** Gives orders until all is over. One at a time: each carries a whole stack, and requests have a largest size. */
  async run(): Promise<void> {
    // The first wish comes with the start.
    await condition(() => this.state.wish !== undefined || this.state.tearingDown);
    while (!isFleetOver(this.state)) {
      if (this.historyIsLong) await this.continue();
      const next = nextSeat(this.state);
      if (next) await this.give(next.name);
      else await this.waitOrLook();
    }
    await condition(allHandlersFinished);
  }

  private get historyIsLong(): boolean {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return continueAsNewSuggested || historyLength > (this.input.continueAfterEvents ?? Infinity);
  }

  /** Until something has changed; a seat at work that has not been heard of for long is told once more. */
  private async waitOrLook(): Promise<void> {
    const before = this.state;
    const changed = (): boolean => this.state !== before;
    const look = nextLook(before);
    if (!look) await condition(changed);
    else if (await comes(look.at, 'see whether the seats at work still run', changed))
      await this.give(look.name);
  }

  /** Tells a seat its order; one that has it already does nothing more. */
  private async give(name: string): Promise<void> {
    const { wish, seats } = this.state;
    const seat = seats.find((it) => it.name === name);
    if (!wish || !seat) return;
    const { id, kind } = seat.order;
    const order: Order = kind === 'apply' ? { id, kind, spec: wish.spec } : { id, kind };
    const isNew = !seat.exists;
    this.note(told(this.state, name, Date.now()));
    const input = seatInput(name, wish, workflowInfo().workflowId, id);
    if (isNew && (await this.begin(input))) return;
    if (await this.tell(name, order)) return;
    // It has ended: its last report is on its way here, or there is none.
    if (this.isRemoved(name)) return;
    if (kind === 'verify') this.note(lost(this.state, name, ended));
    else await this.revive(kind === 'apply' ? input : remainsOf(input), order);
  }

  /** Of a seat whose workflow was ended by force: it goes on where that was, as far as the machine still shows it. */
  private async revive(input: EnvironmentInput, order: Order): Promise<void> {
    const { name } = input;
    if (!(await this.begin(input))) this.note(lost(this.state, name, ended));
    else if (order.kind === 'teardown') await this.tell(name, order);
  }

  /** @returns false where such an environment runs already */
  private async begin(input: EnvironmentInput): Promise<boolean> {
    const { name, spec, hostId } = input;
    const phase = input.snapshot ? 'TearingDown' : 'Provisioning';
    try {
      const child = await startChild<typeof environment>('environment', {
        ...environmentStart({ name, spec, hostId, phase, now: Date.now() }),
        args: [input],
        parentClosePolicy: ParentClosePolicy.ABANDON,
      });
      child.result().catch((error: unknown) => {
        if (error instanceof ChildWorkflowFailure) this.note(lost(this.state, name, ended));
      });
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw error;
    }
  }

  /** @returns whether its workflow runs */
  private async tell(name: string, order: Order): Promise<boolean> {
    const { workflowId } = workflowInfo();
    try {
      const handle = getExternalWorkflowHandle(environmentWorkflowId(name));
      await handle.signal(orderSignal, { fleet: workflowId, order });
      return true;
    } catch (error) {
      if (isCancellation(error)) throw error;
      return false;
    }
  }

  private isRemoved(name: string): boolean {
    return this.state.seats.some((it) => it.name === name && it.phase === 'Removed');
  }

  private async continue(): Promise<never> {
    await condition(allHandlersFinished);
    return continueAsNew<typeof fleet>({ ...this.input, state: this.state });
  }

  /** Ids of orders differ over all runs of all fleets of that name. */
  private ordered(change: (state: FleetState, order: string) => FleetState): FleetTicket {
    this.orders += 1;
    this.note(change(this.state, `${workflowInfo().runId}-${String(this.orders)}`));
    return { order: this.state.order };
  }

  private duringTeardown(): void {
    if (this.state.tearingDown)
      throw refusal('a teardown of the fleet was asked for and cannot be taken back.');
  }

  private note(state: FleetState): void {
    this.state = state;
    setCurrentDetails(fleetDetails(this.progress()));
  }
}

const ended = 'its workflow was ended without a teardown';

function seatInput(
  name: string,
  { spec, hostId }: FleetWish,
  fleetId: string,
  order: string,
): EnvironmentInput & { readonly hostId: string } {
  return { name, spec, hostId, member: { fleet: fleetId, order } };
}

/** It is begun again only to be taken away: it installs nothing, and gets the order as any other. */
function remainsOf({ member: _, ...input }: EnvironmentInput): EnvironmentInput {
  const { spec, hostId } = input;
  const steps = installedPlanOf(spec.stack, []).map((step) => ({ ...step, state: 'pending' as const }));
  const place = hostId === undefined ? {} : { hostId };
  const snapshot = { spec, startedAt: Date.now(), run: 0, leftovers: [], steps, lifetime: {}, ...place };
  return { ...input, snapshot };
}

/** Clients check before they send; one of another make may not. */
function requireSizes({ count, parallel }: FleetWish): void {
  for (const [what, size] of Object.entries({ count, parallel }))
    if (!Number.isInteger(size) || size < 1 || size > 999)
      throw refusal(`${what} is ${String(size)}, but must be a whole number from 1 to 999.`);
}

function refusal(reason: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`Update rejected: ${reason}`, 'update.refused');
}
