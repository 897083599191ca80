/** A run of the workflow of an environment, which installs or waits for its turn. */
export interface SlotUser {
  readonly workflowId: string;
  readonly runId: string;
}

/** What the workflow of an environment asks the worker of its machine. On the wire: add fields, never rename them. */
export interface SlotTask {
  readonly hostId: string;
  readonly user: SlotUser;
  /** Where the workflow that keeps the slots is to be served. */
  readonly taskQueue: string;
}

/** What the keeper of a machine's slots is asked. On the wire, as its answer. */
export interface SlotRequest {
  readonly user: SlotUser;
  /** How many the machine has, as it counts now. */
  readonly slots: number;
}

export interface SlotAnswer {
  /** Whether it may begin. If not, it is told by a signal when its turn has come. */
  readonly granted: boolean;
}

interface Holder extends SlotUser {
  /** Milliseconds since the epoch, as all times here. */
  readonly since: number;
  /** When its workflow was last seen to run. */
  readonly seenAt: number;
  /** It knows that it holds one. */
  readonly told: boolean;
}

/**
 * Who holds a slot of a machine, and who waits for one, in the order in which they came. On the wire, as the input of
 * the keeper's next run.
 */
export interface SlotBook {
  readonly slots: number;
  readonly holders: readonly Holder[];
  readonly waiting: readonly SlotUser[];
}

/** What clients are told. */
export interface SlotQueue {
  readonly slots: number;
  /** The ids of workflows. */
  readonly holders: readonly string[];
  /** The next one first. */
  readonly waiting: readonly string[];
}

export const emptyBook: SlotBook = { slots: 1, holders: [], waiting: [] };

const is =
  (user: SlotUser) =>
  ({ workflowId, runId }: SlotUser): boolean =>
    workflowId === user.workflowId && runId === user.runId;

/**
 * Someone asks for a slot: it gets one if one is free and nobody came before it, else it waits. Asked again, it keeps
 * what it has. An earlier run of the same workflow has ended: a workflow has one that is open.
 */
export function ask(book: SlotBook, { user, slots }: SlotRequest, now: number): SlotBook {
  const others = ({ workflowId, runId }: SlotUser): boolean =>
    workflowId !== user.workflowId || runId === user.runId;
  const holders = book.holders.filter(others);
  const waiting = book.waiting.filter(others);
  const isKnown = [...holders, ...waiting].some(is(user));
  const line = isKnown ? waiting : [...waiting, { workflowId: user.workflowId, runId: user.runId }];
  const next = admit({ slots, holders, waiting: line }, now);
  // The answer tells it.
  return holds(next, user) ? toldTo(next, user, now) : next;
}

/** Someone needs its slot, or its place in the line, no more: the next ones get what is free. */
export function giveBack(book: SlotBook, user: SlotUser, now: number): SlotBook {
  const rest = (it: SlotUser): boolean => !is(user)(it);
  return admit({ ...book, holders: book.holders.filter(rest), waiting: book.waiting.filter(rest) }, now);
}

export function holds({ holders }: SlotBook, user: SlotUser): boolean {
  return holders.some(is(user));
}

/** The holder has taken a message: it lives, and it knows. No two are seen at one time, whatever the clock says. */
export function toldTo(book: SlotBook, user: SlotUser, now: number): SlotBook {
  const others = book.holders.filter((it) => !is(user)(it));
  const seenAt = Math.max(now, ...others.map((it) => it.seenAt + 1));
  const holders = book.holders.map((it) => (is(user)(it) ? { ...it, told: true, seenAt } : it));
  return { ...book, holders };
}

/** Nobody holds a slot, nobody waits. */
export function isIdle({ holders, waiting }: SlotBook): boolean {
  return holders.length + waiting.length === 0;
}

/** How often it is looked whether holders still run: in a hurry only while somebody waits for them. */
const lookEveryMs = { awaited: 30_000, alone: 600_000 } as const;

/** The holder that is to get a message next, and when: at once if it does not know yet, else to see that it runs. */
export function nextMessage({
  holders,
  waiting,
}: SlotBook): { to: SlotUser; at: number | 'now' } | undefined {
  const unaware = holders.find(({ told }) => !told);
  if (unaware) return { to: unaware, at: 'now' };
  const every = waiting.length > 0 ? lookEveryMs.awaited : lookEveryMs.alone;
  const [to] = holders.toSorted((one, other) => one.seenAt - other.seenAt);
  return to && { to, at: to.seenAt + every };
}

export function queueOf({ slots, holders, waiting }: SlotBook): SlotQueue {
  const id = ({ workflowId }: SlotUser): string => workflowId;
  return { slots, holders: holders.map(id), waiting: waiting.map(id) };
}

/** 1 for the next one; `undefined` for one that does not wait. */
export function placeIn({ waiting }: SlotQueue, workflowId: string): number | undefined {
  const index = waiting.indexOf(workflowId);
  return index === -1 ? undefined : index + 1;
}

function admit(book: SlotBook, now: number): SlotBook {
  const free = Math.max(0, book.slots - book.holders.length);
  const next = book.waiting.slice(0, free).map((user) => ({ ...user, since: now, seenAt: now, told: false }));
  return { ...book, holders: [...book.holders, ...next], waiting: book.waiting.slice(free) };
}
