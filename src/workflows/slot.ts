import {
  ActivityCancellationType,
  ActivityFailure,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  proxyActivities,
  setHandler,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { hostTaskQueue, slotKeeperId } from '../domain/names.js';
import type { SlotUser } from '../domain/slots.js';
import type { EnvironmentState } from './environment-state.js';
import { giveBackSlotSignal, slotGrantedSignal } from './messages.js';

/**
 * The slot that an environment needs on its machine while it installs. Whoever keeps the slots may say at any time that
 * we hold one: it is given back at once when nothing of ours needs it.
 */
export class Slot {
  private readonly state: EnvironmentState;
  private wanted = false;
  private held = false;
  private asking: Promise<void> | undefined;

  constructor(state: EnvironmentState) {
    this.state = state;
    setHandler(slotGrantedSignal, async () => {
      if (this.wanted) this.held = true;
      else await this.tellKeeper();
    });
  }

  /** It is had, and whoever asked for it knows. */
  get isHeld(): boolean {
    return this.held && this.asking === undefined;
  }

  /**
   * Waits for the slot of this machine; returns at once while it is held. A machine whose worker knows no slots, or that
   * cannot be asked in time, does without: slots make installs quick, and no install fails for want of one.
   * @throws ActivityFailure when nobody takes tasks on that machine, CancelledFailure
   */
  async hold(hostId: string): Promise<void> {
    if (this.isHeld) return;
    this.asking ??= this.ask(hostId).finally(() => {
      this.asking = undefined;
    });
    await this.asking;
  }

  /** Gives the slot, or the place in the line, back; nothing when neither is had. */
  async giveBack(): Promise<void> {
    if (!this.wanted) return;
    this.wanted = false;
    this.held = false;
    await this.tellKeeper();
  }

  private async ask(hostId: string): Promise<void> {
    this.wanted = true;
    const { askForSlot } = proxyActivities<Activities>({
      taskQueue: hostTaskQueue(hostId),
      scheduleToStartTimeout: '60s',
      startToCloseTimeout: '10s',
      scheduleToCloseTimeout: '90s',
      // A request that comes after we have given up would be a slot that nobody uses.
      cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
      // So says the worker of an older version.
      retry: { initialInterval: '0.5s', maximumInterval: '5s', nonRetryableErrorTypes: ['NotFoundError'] },
      summary: 'ask for a slot of the machine',
    });
    const { taskQueue } = workflowInfo();
    const user = ownUser();
    const asked = await askForSlot({ hostId, user, taskQueue }).catch((error: unknown) => {
      if (isCancellation(error) || isUnserved(error)) throw error;
      log.warn('installing without a slot: the machine could not be asked for one', { error });
      return { granted: true };
    });
    if (asked.granted) this.held = true;
    if (!this.held) {
      this.state.queues();
      try {
        await condition(() => this.held);
      } finally {
        this.state.leavesQueue();
      }
    }
  }

  private async tellKeeper(): Promise<void> {
    const { hostId } = this.state;
    if (hostId === undefined) return;
    try {
      await getExternalWorkflowHandle(slotKeeperId(hostId)).signal(giveBackSlotSignal, ownUser());
    } catch (error) {
      // It has ended: there is nobody who counts us.
      if (isCancellation(error)) throw error;
    }
  }
}

function ownUser(): SlotUser {
  const { workflowId, runId } = workflowInfo();
  return { workflowId, runId };
}

function isUnserved(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START';
}
