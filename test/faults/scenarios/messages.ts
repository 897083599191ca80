import { environmentWorkflowId } from '../../../src/domain/names.js';
import type { EnvironmentSpec } from '../../../src/domain/progress.js';
import type { ApplyArguments, RunTicket } from '../../../src/workflows/messages.js';
import type { Bed } from '../bed.js';
import { reach } from '../moments.js';
import type { Blow, Scenario } from '../scenario.js';

/** Two commands at once make one environment and one run. */
export async function twoUps(bed: Bed): Promise<Blow> {
  const started = performance.now();
  const both = [bed.up(), bed.up()];
  await Promise.all(both.map((command) => bed.run(command)));
  const run = (await bed.look())?.progress.run;
  return {
    what: 'two `up` at once',
    ...(run === 1
      ? { recoveredMs: performance.now() - started }
      : { note: `the plan ran ${String(run)} times` }),
  };
}

/** The same update, sent three times by a client that did not hear the answer, counts once. */
export async function sameUpdateAgain(bed: Bed, update: 'verify' | 'apply'): Promise<Blow> {
  const what = `the same update (${update}) three times`;
  const handle = (await bed.client()).workflow.getHandle(environmentWorkflowId(bed.environment));
  const before = (await bed.look())?.progress.run ?? 0;
  const spec = await handle.query<EnvironmentSpec>('spec');
  const updateId = `${update}-once`;
  const send = (): Promise<RunTicket> =>
    update === 'verify'
      ? handle.executeUpdate<RunTicket, []>('verify', { updateId, args: [] })
      : handle.executeUpdate<RunTicket, [ApplyArguments]>('apply', { updateId, args: [{ spec }] });
  const started = performance.now();
  const tickets = [...(await Promise.all([send(), send()])), await send()];
  await bed.until('the proof', async () => (await bed.look())?.progress.phase === 'Ready');
  const run = (await bed.look())?.progress.run ?? 0;
  const once = run === before + 1 && new Set(tickets.map((ticket) => ticket.run)).size === 1;
  return once
    ? { what, recoveredMs: performance.now() - started }
    : { what, note: `run ${String(run)} after ${String(before)}, tickets ${JSON.stringify(tickets)}` };
}

/** Teardown signals that come in twos, from a client and from two commands, are one teardown. */
export async function tearDownTwice(bed: Bed): Promise<Blow> {
  const handle = (await bed.client()).workflow.getHandle(environmentWorkflowId(bed.environment));
  await bed.leave();
  const started = performance.now();
  await Promise.all([handle.signal('teardown'), handle.signal('teardown')]);
  const both = [bed.start('down'), bed.start('down')];
  await Promise.all(both.map((command) => bed.run(command)));
  return { what: 'teardown four times at once', recoveredMs: performance.now() - started };
}

export const messages: readonly Scenario[] = [
  {
    name: 'messages',
    play: async (bed, dealt) => {
      dealt(await twoUps(bed));
      dealt(await sameUpdateAgain(bed, 'verify'));
      dealt(await sameUpdateAgain(bed, 'apply'));
    },
  },
  {
    name: 'teardown',
    installs: false,
    play: async (bed) => {
      bed.follow();
      await reach(bed, 'cert-manager', 'middle');
    },
    takeAway: async (bed, dealt) => {
      dealt({ ...(await tearDownTwice(bed)), what: 'teardown four times at once, in mid-install' });
    },
  },
];
