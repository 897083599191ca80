import { Context } from '@temporalio/activity';
import { WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { FleetProgress, FleetWish, SeatProgress } from '../../src/domain/fleet.js';
import { environmentWorkflowId, fleetWorkflowId } from '../../src/domain/names.js';
import type { Progress } from '../../src/domain/progress.js';
import type { fleet, FleetInput } from '../../src/workflows/fleet.js';
import type { FleetTicket } from '../../src/workflows/messages.js';
import { fail } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import { refusalOf, startRealHarness, useHarness } from './harness.js';
import { withMachine, type Machine } from './machine.js';

const harness = useHarness(startRealHarness);

interface Bed {
  readonly machine: Machine;
  readonly name: string;
  readonly handle: WorkflowHandle<typeof fleet>;
  readonly up: (wish: Partial<FleetWish>, input?: Partial<FleetInput>) => Promise<FleetTicket>;
  readonly progress: () => Promise<FleetProgress>;
  readonly until: (wanted: (progress: FleetProgress) => boolean, withinMs?: number) => Promise<FleetProgress>;
  /** All has come to rest after an order. */
  readonly rests: (ticket?: FleetTicket) => Promise<FleetProgress>;
  readonly down: () => Promise<FleetProgress>;
}

/** A fleet on a machine with so many slots. */
async function withFleet(slots: number, test: (bed: Bed) => Promise<void>): Promise<void> {
  await withMachine(harness, slots, async (machine) => {
    const { client } = harness;
    const name = machine.hostId;
    const handle = client.workflow.getHandle<typeof fleet>(fleetWorkflowId(name));
    const progress = (): Promise<FleetProgress> => handle.query<FleetProgress>('fleetProgress');
    const until: Bed['until'] = async (wanted, withinMs = 30_000) => {
      let seen: FleetProgress | undefined;
      for (const deadline = Date.now() + withinMs; Date.now() < deadline;) {
        seen = await progress();
        if (wanted(seen)) return seen;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      throw new Error(`It never came. Last: ${JSON.stringify(seen)}`);
    };
    const rests: Bed['rests'] = (ticket) =>
      until((it) => (!ticket || it.order === ticket.order) && it.seats.every((seat) => seat.rests));
    await test({
      machine,
      name,
      handle,
      progress,
      until,
      rests,
      up: (wish, input = {}) =>
        client.workflow.executeUpdateWithStart<typeof fleet, FleetTicket, [FleetWish]>('fleetApply', {
          args: [{ count: 2, spec: spec(), hostId: machine.hostId, parallel: 8, ...wish }],
          startWorkflowOperation: new WithStartWorkflowOperation<typeof fleet>('fleet', {
            workflowId: fleetWorkflowId(name),
            taskQueue: machine.hostId,
            args: [{ name, ...input }],
            workflowIdConflictPolicy: 'USE_EXISTING',
          }),
        }),
      down: async () => {
        await handle.signal('fleetTeardown');
        return handle.result();
      },
    });
  });
}

const phases = ({ seats }: FleetProgress): string[] => seats.map(({ phase }) => phase);
const seat = ({ seats }: FleetProgress, index: number): SeatProgress => seats[index] as SeatProgress;

/** Of the environment that the running activity works for. */
const workflowOfActivity = (): string => Context.current().info.workflowExecution?.workflowId ?? '';

/** How many steps of a kind run side by side, at most. */
function countSideBySide(): { readonly behaviour: () => Promise<void>; readonly most: () => number } {
  const running = new Set<string>();
  let most = 0;
  return {
    most: () => most,
    behaviour: async () => {
      running.add(workflowOfActivity());
      most = Math.max(most, running.size);
      await new Promise((resolve) => setTimeout(resolve, 600));
      running.delete(workflowOfActivity());
    },
  };
}

describe('a fleet', () => {
  it('installs its seats, so many side by side as the machine has slots, and takes them away', async () => {
    await withFleet(2, async ({ up, rests, until, down, machine: { scripted }, name }) => {
      const { behaviour, most } = countSideBySide();
      scripted.on('tempo', behaviour);
      const ticket = await up({ count: 5, parallel: 4 });
      await until((it) => phases(it).includes('Queued') && phases(it).includes('Waiting'));
      const ready = await rests(ticket);
      expect(phases(ready)).toEqual(Array.from({ length: 5 }, () => 'Ready'));
      expect(ready.seats.map((it) => it.name)).toEqual([1, 2, 3, 4, 5].map((it) => `${name}-0${String(it)}`));
      expect(ready.seats.every(({ startedAt = 0, endedAt = 0 }) => endedAt - startedAt >= 600)).toBe(true);
      expect(most()).toBe(2);
      expect(phases(await down())).toEqual(Array.from({ length: 5 }, () => 'Removed'));
      expect(scripted.count('remove end cluster')).toBe(5);
    });
  });

  it('has no more seats at work than it was told', async () => {
    await withFleet(9, async ({ up, rests, down, machine: { scripted } }) => {
      const { behaviour, most } = countSideBySide();
      scripted.on('tempo', behaviour);
      await rests(await up({ count: 5, parallel: 2 }));
      expect(most()).toBe(2);
      await down();
    });
  });

  it('is not stopped by a seat that fails, tells why, verifies the others, and mends it with the next up', async () => {
    await withFleet(1, async ({ up, rests, handle, down, machine: { scripted }, name }) => {
      const broken = environmentWorkflowId(`${name}-01`);
      scripted.on('operator', () => {
        if (workflowOfActivity() === broken) fail('chart.not-found');
      });
      const blocked = await rests(await up({ count: 3 }));
      expect(phases(blocked)).toEqual(['Blocked', 'Ready', 'Ready']);
      expect(seat(blocked, 0)).toMatchObject({
        step: 'operator',
        why: expect.stringContaining('chart.not-found') as string,
      });

      const proofs = scripted.count('end verification');
      const ticket = await handle.executeUpdate<FleetTicket, []>('fleetVerify');
      expect(phases(await rests(ticket))).toEqual(['Blocked', 'Ready', 'Ready']);
      expect(scripted.count('end verification')).toBe(proofs + 2);

      scripted.on('operator', () => undefined);
      expect(phases(await rests(await up({ count: 4 })))).toEqual(['Ready', 'Ready', 'Ready', 'Ready']);
      await down();
    });
  });

  it('says of a seat that it refused: what has another target stays where it is', async () => {
    await withFleet(1, async ({ up, rests, down, machine }) => {
      const other = { kind: 'k3d' } as const;
      const stranger = await machine.begin('01', { target: other });
      await machine.until(stranger, ({ phase }) => phase === 'Ready');
      const seen = await rests(await up({ count: 2 }));
      expect(phases(seen)).toEqual(['Ready', 'Ready']);
      expect(seat(seen, 0).why).toMatch(/target k3d/u);
      await down();
    });
  });

  it('is outlived by its seats, and adopts them when it is there again', async () => {
    await withFleet(2, async ({ up, rests, handle, down, machine: { scripted }, name }) => {
      await rests(await up({ count: 2 }));
      await handle.terminate();
      const survivor = harness.client.workflow.getHandle(environmentWorkflowId(`${name}-02`));
      expect((await survivor.query<Progress>('progress')).phase).toBe('Ready');
      expect(phases(await rests(await up({ count: 2 })))).toEqual(['Ready', 'Ready']);
      expect((await survivor.query<Progress>('progress')).run).toBe(2);
      await down();
      expect(scripted.count('remove end cluster')).toBe(2);
    });
  });

  it('takes away what is left of a seat that was ended by force, and begins it again with up', async () => {
    await withFleet(2, async ({ up, rests, until, down, machine: { scripted }, name }) => {
      const force = (): Promise<unknown> =>
        harness.client.workflow.getHandle(environmentWorkflowId(`${name}-01`)).terminate();
      await rests(await up({ count: 2 }));
      await force();
      expect(seat(await until((it) => seat(it, 0).phase === 'Lost'), 0).why).toBeTruthy();
      expect(phases(await rests(await up({ count: 2 })))).toEqual(['Ready', 'Ready']);
      await force();
      await until((it) => seat(it, 0).phase === 'Lost');
      expect(phases(await down())).toEqual(['Removed', 'Removed']);
      expect(scripted.count('remove end cluster')).toBe(2);
    });
  });

  it('goes on in a run with an empty history, in the middle of its work', async () => {
    await withFleet(1, async ({ up, rests, down, handle, machine: { scripted } }) => {
      const { behaviour } = countSideBySide();
      scripted.on('tempo', behaviour);
      const ticket = await up({ count: 4, parallel: 3 }, { continueAfterEvents: 60 });
      const first = (await handle.describe()).runId;
      expect(phases(await rests(ticket))).toEqual(['Ready', 'Ready', 'Ready', 'Ready']);
      expect((await handle.describe()).runId).not.toBe(first);
      expect(phases(await down())).toEqual(['Removed', 'Removed', 'Removed', 'Removed']);
    });
  });

  it('is over when its seats have lived their time', async () => {
    await withFleet(2, async ({ up, handle }) => {
      await up({ count: 2, spec: spec({ ttlMs: 1_000 }) });
      expect(phases(await handle.result())).toEqual(['Removed', 'Removed']);
    });
  });

  it('refuses what makes no sense, and anything once it is being taken away', async () => {
    await withFleet(1, async ({ up, handle, rests, machine: { scripted } }) => {
      await rests(await up({ count: 1 }));
      expect(await refusalOf(up({ count: 0 }))).toMatch(/count/u);
      scripted.on('remove cluster', () => new Promise((resolve) => setTimeout(resolve, 2_000)));
      await handle.signal('fleetTeardown');
      expect(await refusalOf(up({ count: 1 }))).toMatch(/teardown/u);
      expect(await refusalOf(handle.executeUpdate('fleetVerify'))).toMatch(/teardown/u);
      await handle.result();
    });
  });
});
