import {
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  ask,
  emptyBook,
  giveBack,
  holds,
  isIdle,
  nextMessage,
  queueOf,
  toldTo,
  type SlotBook,
  type SlotUser,
} from '../domain/slots.js';
import { comes } from './clock.js';
import { askSlotUpdate, giveBackSlotSignal, slotGrantedSignal, slotsQuery } from './messages.js';

export interface SlotKeeperInput {
  /** The machine whose slots these are. */
  readonly hostId: string;
  /** What the run before knew, when this one continues it. */
  readonly book?: SlotBook;
}

/**
 * Keeps the slots of one machine: as many installs as it bears side by side, the others in the order in which they came.
 * The first one that asks starts it; it ends when nobody holds a slot or waits. A holder whose workflow was closed by
 * force takes no message any more: its slot goes to the next.
 */
export async function slotKeeper({ hostId, book: known = emptyBook }: SlotKeeperInput): Promise<void> {
  let book = known;
  const note = (next: SlotBook): void => {
    book = next;
    setCurrentDetails(detailsOf(next));
  };
  setHandler(slotsQuery, () => queueOf(book));
  setHandler(askSlotUpdate, (request) => {
    note(ask(book, request, Date.now()));
    return { granted: holds(book, request.user) };
  });
  setHandler(giveBackSlotSignal, (user) => {
    note(giveBack(book, user, Date.now()));
  });

  // The first request comes with the start.
  await condition(() => !isIdle(book));
  let isTime = false;
  while (!isIdle(book)) {
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof slotKeeper>({ hostId, book });
    const next = nextMessage(book);
    if (next && (isTime || next.at === 'now')) {
      const heard = await tell(next.to);
      note(heard ? toldTo(book, next.to, Date.now()) : giveBack(book, next.to, Date.now()));
      isTime = false;
      continue;
    }
    const before = book;
    const changed = (): boolean => book !== before;
    if (next && next.at !== 'now')
      isTime = await comes(next.at, 'see whether the holders still run', changed);
    else await condition(changed);
  }
}

/** @returns whether that run of the workflow takes messages: it is open */
async function tell({ workflowId, runId }: SlotUser): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(workflowId, runId).signal(slotGrantedSignal);
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}

/** For the Web UI. Markdown. */
function detailsOf(book: SlotBook): string {
  const { slots, holders, waiting } = queueOf(book);
  return [
    `**${String(holders.length)} of ${String(slots)} slots** are taken.`,
    ...holders.map((it) => `- ${it} installs`),
    ...waiting.map((it, index) => `${String(index + 1)}. ${it} waits`),
  ].join('\n');
}
