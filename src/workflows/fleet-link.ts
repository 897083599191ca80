import {
  ApplicationFailure,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
} from '@temporalio/workflow';
import { seatReportOf, workAfter, type Membership, type SeatReport } from '../domain/fleet.js';
import type { EnvironmentState } from './environment-state.js';
import type { Inbox } from './inbox.js';
import { seatReportSignal } from './messages.js';

/**
 * What binds an environment to the fleet that it is a seat of, if it is one: it takes orders, and tells how it is
 * whenever that has changed. What changes while a report is on its way is told in the next one.
 */
export class FleetLink {
  private readonly state: EnvironmentState;
  private readonly inbox: Inbox;
  private membership: Membership | undefined;
  private work: Pick<SeatReport, 'startedAt' | 'endedAt'> = {};
  private told = '';

  constructor(state: EnvironmentState, inbox: Inbox, member: Membership | undefined) {
    this.state = state;
    this.inbox = inbox;
    this.membership = member;
    // A cancellation of the workflow is a teardown, which is told as well.
    void CancellationScope.nonCancellable(() => this.reportForEver());
  }

  get member(): Membership | undefined {
    return this.membership;
  }

  /** Does what the fleet wants, once; a refusal is told. */
  take(fleet: string, order: string, act: () => void): void {
    if (this.membership?.fleet === fleet && this.membership.order === order) return;
    this.membership = { fleet, order };
    try {
      act();
    } catch (error) {
      if (!(error instanceof ApplicationFailure)) throw error;
      this.membership = { fleet, order, refused: error.message };
    }
  }

  /** Waits until the fleet knows all. */
  async settled(): Promise<void> {
    await condition(() => !this.isNews);
  }

  private get isNews(): boolean {
    return (
      this.membership !== undefined && keyOf(this.membership, this.report(this.membership)) !== this.told
    );
  }

  private report(membership: Membership): ReturnType<typeof seatReportOf> {
    const { state, inbox } = this;
    const goes = inbox.teardownRequested && state.runningKind !== 'teardown' && state.phase !== 'Removed';
    return seatReportOf(state.progress(), membership, !inbox.hasRequest && !goes);
  }

  private async reportForEver(): Promise<never> {
    for (;;) {
      await condition(() => this.isNews);
      const { membership } = this;
      if (!membership) continue;
      const report = this.report(membership);
      this.work = workAfter(this.work, report, Date.now());
      try {
        await getExternalWorkflowHandle(membership.fleet).signal(seatReportSignal, {
          ...report,
          ...this.work,
        });
        this.told = keyOf(membership, report);
      } catch {
        // There is no such fleet any more. Should it come back, it says so with its next order.
        if (this.membership === membership) this.membership = undefined;
      }
    }
  }
}

function keyOf({ fleet }: Membership, report: object): string {
  return JSON.stringify([fleet, report]);
}
