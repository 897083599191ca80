import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import type { HeartbeatDetails } from '../../src/activities/step-context.js';
import { withToolsOf, type ToolStepContext } from '../../src/activities/tool-step.js';
import { isAlive, type ProcessIdentity } from '../../src/tools/process-identity.js';
import { run } from '../../src/tools/process.js';
import { withTools } from '../../src/tools/tool-claim.js';
import { testFolder } from '../support/folder.js';
import { onStart } from '../support/owner.js';

const task = { environment: 'shop', component: 'tempo' };

const perform = (
  stateDir: string,
  work: (step: ToolStepContext) => Promise<unknown>,
  env = new MockActivityEnvironment(),
): Promise<unknown> =>
  env.run(
    withToolsOf({ stateDir }, (_task: typeof task, step) => work(step)),
    task,
  );

describe('withToolsOf', () => {
  it('heartbeats which programs run', async () => {
    const env = new MockActivityEnvironment();
    const beats: HeartbeatDetails[] = [];
    env.on('heartbeat', (details: HeartbeatDetails) => beats.push(details));
    await perform(await testFolder(), ({ owner }) => run('sleep', ['0.3'], { owner }), env);
    expect(beats.map(({ processes }) => processes.length)).toContain(1);
    expect(beats.at(-1)?.processes).toEqual([]);
  });

  it('ends what a dead attempt left running, by its heartbeat, before it touches anything', async () => {
    let survivor: ProcessIdentity | undefined;
    const left = run('sleep', ['300'], { owner: onStart((it) => (survivor = it)) });
    left.catch(() => undefined);
    await expect.poll(() => survivor).toBeDefined();
    const known = survivor as ProcessIdentity;
    const heartbeatDetails: HeartbeatDetails = { live: { text: '' }, processes: [known], attempts: [] };
    const env = new MockActivityEnvironment({ attempt: 2, heartbeatDetails });
    expect(await perform(await testFolder(), () => isAlive(known), env)).toBe(false);
  });

  it('waits for another activity that works on the same component', async () => {
    const stateDir = await testFolder();
    const folder = join(stateDir, 'environments', task.environment, 'processes');
    const order: string[] = [];
    let second: Promise<unknown> | undefined;
    await withTools({ folder, component: task.component }, async () => {
      second = perform(stateDir, () => Promise.resolve(order.push('second')));
      await new Promise((resolve) => setTimeout(resolve, 200));
      order.push('first');
    });
    await second;
    expect(order).toEqual(['first', 'second']);
  });
});
