import { describe, expect, it } from 'vitest';
import { slotKeeperId } from '../../src/domain/names.js';
import { fail, heldBack, untilCancelled } from '../support/fake-activities.js';
import { startRealHarness, stepOf, useHarness } from './harness.js';
import { isPhase, withMachine, type Handle, type Machine } from './machine.js';

const harness = useHarness(startRealHarness);

async function removed({ until }: Machine, ...handles: Handle[]): Promise<void> {
  for (const handle of handles) await handle.signal('teardown');
  for (const handle of handles) await until(handle, isPhase('Removed'));
}

/** @returns who waits for the one slot, whose holder has just been terminated in the middle of a step */
async function queuedBehindTerminated({ begin, until, scripted }: Machine): Promise<Handle> {
  scripted.on('tempo', () => untilCancelled());
  const holder = await begin('holder');
  await until(holder, () => scripted.count('start tempo') === 1);
  scripted.on('tempo', () => undefined);
  const next = await begin('next');
  await until(next, isPhase('Queued'));
  await holder.terminate();
  return next;
}

/** Nobody holds or waits: it has nothing to keep, and ends. */
async function keeperEnded({ hostId }: Machine): Promise<string> {
  const handle = harness.client.workflow.getHandle(slotKeeperId(hostId));
  await handle.result();
  return (await handle.describe()).status.name;
}

describe('the slots of a machine', () => {
  it('are taken in the order of asking, and queued environments run no step', async () => {
    await withMachine(harness, 1, async (machine) => {
      const { begin, until, queue, scripted } = machine;
      const { work, release } = heldBack();
      scripted.on('tempo', work);
      const first = await begin('a');
      await until(first, () => scripted.count('start tempo') === 1);
      const second = await begin('b');
      const queued = await until(second, isPhase('Queued'));
      const third = await begin('c');
      await until(third, isPhase('Queued'));
      expect((await queue()).waiting).toEqual([second.workflowId, third.workflowId]);
      expect(queued.steps.every(({ state }) => state === 'pending')).toBe(true);
      expect(queued.queuedSince).toBeGreaterThan(0);
      expect(scripted.count('start cluster')).toBe(1);

      release();
      const proved = await Promise.all([first, second, third].map((it) => until(it, isPhase('Ready'))));
      const [a, b, c] = proved.map(({ steps }) => ({
        began: steps[0]?.startedAt ?? 0,
        ended: Math.max(...steps.map(({ endedAt }) => endedAt ?? 0)),
      }));
      expect(b?.began).toBeGreaterThanOrEqual(a?.ended ?? Infinity);
      expect(c?.began).toBeGreaterThanOrEqual(b?.ended ?? Infinity);
      expect(await keeperEnded(machine)).toBe('COMPLETED');
      await removed(machine, first, second, third);
    });
  });

  it('are not needed by a verification or a teardown, nor while a step waits for a decision', async () => {
    await withMachine(harness, 1, async (machine) => {
      const { begin, until, queue, scripted } = machine;
      const ready = await begin('ready');
      await until(ready, isPhase('Ready'));
      scripted.on('operator', () => fail('chart.not-found'));
      const blocked = await begin('blocked');
      await until(blocked, isPhase('Blocked'));
      const { work, release } = heldBack();
      scripted.on('operator', () => undefined).on('tempo', work);
      const holder = await begin('holder');
      await until(holder, (it) => stepOf(it, 'tempo').state === 'running');

      await ready.executeUpdate('verify', { args: [] } as never);
      await until(ready, (it) => it.run === 2 && it.phase === 'Ready');
      await removed(machine, ready);

      // The decision takes a slot again, and waits for it.
      await blocked.executeUpdate('retry', { args: [{ step: 'operator' }] } as never);
      await until(blocked, isPhase('Queued'));
      expect(await queue()).toMatchObject({ holders: [holder.workflowId], waiting: [blocked.workflowId] });
      release();
      await until(blocked, isPhase('Ready'));
      await removed(machine, blocked, holder);
    });
  });

  it('pass on from one that was paused in the line, and that gets in line again when it goes on', async () => {
    await withMachine(harness, 1, async (machine) => {
      const { begin, until, scripted, queue } = machine;
      const { work, release } = heldBack();
      scripted.on('tempo', work);
      const holder = await begin('holder');
      await until(holder, () => scripted.count('start tempo') === 1);
      const paused = await begin('paused');
      await until(paused, isPhase('Queued'));
      await paused.executeUpdate('pause', { args: [] } as never);
      const last = await begin('last');
      await until(last, isPhase('Queued'));
      release();
      await until(last, isPhase('Ready'));
      expect(stepOf(await until(paused, () => true), 'cluster').state).toBe('pending');
      await paused.executeUpdate('resume', { args: [] } as never);
      await until(paused, isPhase('Ready'));
      await expect(queue()).resolves.toMatchObject({ waiting: [] });
      await removed(machine, holder, paused, last);
    });
  });

  it('pass on from a place in the line that is given up: abort, teardown', async () => {
    await withMachine(harness, 1, async (machine) => {
      const { begin, until, queue, scripted } = machine;
      const { work, release } = heldBack();
      scripted.on('tempo', work);
      const holder = await begin('holder');
      await until(holder, () => scripted.count('start tempo') === 1);
      const [aborted, gone, last] = [await begin('b'), await begin('c'), await begin('d')];
      for (const it of [aborted, gone, last]) await until(it, isPhase('Queued'));
      await aborted.executeUpdate('abort', { args: [] } as never);
      await until(aborted, isPhase('Stopped'));
      await removed(machine, gone);
      await expect.poll(async () => (await queue()).waiting).toEqual([last.workflowId]);
      release();
      await until(last, isPhase('Ready'));
      await removed(machine, aborted, holder, last);
    });
  });

  it('are free again when the workflow that held one was terminated', async () => {
    await withMachine(harness, 1, async (machine) => {
      const { begin, until } = machine;
      const next = await queuedBehindTerminated(machine);
      // The same environment again, in a new run: its earlier one holds nothing any more.
      const again = await begin('holder');
      await until(next, isPhase('Ready'));
      await until(again, isPhase('Ready'));
      expect(await keeperEnded(machine)).toBe('COMPLETED');
      await removed(machine, next, again);
    });
  });

  it('are given to the next one when the holder is gone for good: it takes no messages', async () => {
    await withMachine(harness, 1, async (machine) => {
      const { until } = machine;
      const next = await queuedBehindTerminated(machine);
      // Looked at 30 s after it was last heard of.
      await until(next, isPhase('Ready'), 45_000);
      await removed(machine, next);
    });
  });

  it('are each machine’s own', async () => {
    await withMachine(harness, 1, async (one) => {
      const { work, release } = heldBack();
      one.scripted.on('tempo', work);
      const holder = await one.begin('a');
      await one.until(holder, () => one.scripted.count('start tempo') === 1);
      await withMachine(harness, 1, async (other) => {
        const second = await other.begin('b');
        await other.until(second, isPhase('Ready'));
        await removed(other, second);
      });
      release();
      await one.until(holder, isPhase('Ready'));
      await removed(one, holder);
    });
  });

  it('are done without on a machine whose worker knows none', async () => {
    await withMachine(harness, undefined, async (machine) => {
      const { begin, until } = machine;
      const handle = await begin('a');
      await until(handle, isPhase('Ready'));
      await removed(machine, handle);
    });
  });
});
