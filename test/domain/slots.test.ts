import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ask,
  emptyBook,
  giveBack,
  holds,
  isIdle,
  nextMessage,
  placeIn,
  queueOf,
  toldTo,
  type SlotBook,
  type SlotUser,
} from '../../src/domain/slots.js';

const user = (name: string, run = 1): SlotUser => ({ workflowId: name, runId: `${name}-${String(run)}` });
const asking = (slots: number, ...names: string[]): SlotBook =>
  names.reduce((book, name) => ask(book, { user: user(name), slots }, 0), emptyBook);

describe('the slots of a machine', () => {
  it('go to the first ones; the others wait in the order in which they came', () => {
    const book = asking(2, 'a', 'b', 'c', 'd');
    expect(queueOf(book)).toEqual({ slots: 2, holders: ['a', 'b'], waiting: ['c', 'd'] });
    expect(placeIn(queueOf(book), 'd')).toBe(2);
    expect(placeIn(queueOf(book), 'a')).toBeUndefined();
    expect(queueOf(giveBack(book, user('b'), 1))).toMatchObject({ holders: ['a', 'c'], waiting: ['d'] });
  });

  it('stay with who asks again, and its place does', () => {
    const book = asking(1, 'a', 'b', 'c');
    const again = ['b', 'a'].reduce((it, name) => ask(it, { user: user(name), slots: 1 }, 5), book);
    expect(queueOf(again)).toEqual(queueOf(book));
  });

  it('leave a place in the line to those behind it when somebody gives up', () => {
    expect(queueOf(giveBack(asking(1, 'a', 'b', 'c'), user('b'), 1)).waiting).toEqual(['c']);
  });

  it('become fewer without taking one away, and more at once', () => {
    const fewer = ask(asking(3, 'a', 'b', 'c'), { user: user('d'), slots: 1 }, 1);
    expect(queueOf(fewer)).toEqual({ slots: 1, holders: ['a', 'b', 'c'], waiting: ['d'] });
    expect(queueOf(giveBack(fewer, user('a'), 2)).waiting).toEqual(['d']);
    expect(queueOf(ask(fewer, { user: user('d'), slots: 4 }, 2)).holders).toContain('d');
  });

  it('leave the earlier run of a workflow that asks in a new one', () => {
    const book = ask(asking(1, 'a', 'b'), { user: user('a', 2), slots: 1 }, 1);
    expect(holds(book, user('a', 1))).toBe(false);
    expect(queueOf(book)).toMatchObject({ holders: ['b'], waiting: ['a'] });
  });

  it('are told at once to who was let in from the line, and to no other', () => {
    const book = asking(1, 'a', 'b');
    expect(nextMessage(book)).toEqual({ to: expect.objectContaining(user('a')) as SlotUser, at: 30_000 });
    const next = giveBack(book, user('a'), 100);
    expect(nextMessage(next)).toMatchObject({ to: user('b'), at: 'now' });
    expect(nextMessage(toldTo(next, user('b'), 200))).toMatchObject({ to: user('b'), at: 600_200 });
  });

  it('are never more than there are, lost, or given out of turn, whatever comes', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const event = fc.oneof(
      fc.record({ asks: name, run: fc.integer({ min: 1, max: 2 }) }),
      fc.record({ leaves: name, run: fc.integer({ min: 1, max: 2 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(event, { maxLength: 40 }), (slots, events) => {
        let book: SlotBook = { ...emptyBook, slots };
        for (const it of events) {
          const line = queueOf(book).waiting;
          book =
            'asks' in it
              ? ask(book, { user: user(it.asks, it.run), slots }, 0)
              : giveBack(book, user(it.leaves, it.run), 0);
          const { holders, waiting } = queueOf(book);
          expect(holders.length).toBeLessThanOrEqual(slots);
          expect(waiting.length === 0 || holders.length === slots).toBe(true);
          const all = [...holders, ...waiting];
          expect(new Set(all).size).toBe(all.length);
          // Whoever waited before and waits still is in the same order.
          const stayed = line.filter((one) => waiting.includes(one) && !('asks' in it && it.asks === one));
          expect(waiting.filter((one) => stayed.includes(one))).toEqual(stayed);
        }
        for (const one of ['a', 'b', 'c', 'd', 'e'])
          for (const run of [1, 2]) book = giveBack(book, user(one, run), 0);
        expect(isIdle(book)).toBe(true);
      }),
    );
  });
});
