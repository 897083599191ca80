import { Worker } from '@temporalio/worker';
import { environmentWorkflowId } from '../src/domain/names.js';
import { isAlive } from '../src/tools/process-identity.js';
import { Bed } from '../test/faults/bed.js';
import { chain } from '../test/faults/chain.js';
import { attemptOf, reach } from '../test/faults/moments.js';
import { killWorker } from '../test/faults/victims.js';
import { readHistories } from '../test/replay/histories.js';
import { workflowBundle } from '../test/support/workflow-bundle.js';
import { printTable, seconds, type Row } from './table.js';

/**
 * How fast things go on after a fault: `npm run bench:durability`. One environment with a real cluster, one kill each;
 * one run, one table; nothing asserts on it. The programs of the cluster must be built (`npm run bench:up` does that).
 */
const rows: Row[] = [];

const { bed: options, close } = await chain();
const bed = await Bed.open(options);
try {
  bed.follow();
  await reach(bed, 'trace-store', 'middle');
  rows.push([
    'kill -9 of the worker → step running again',
    seconds(await killWorker(bed, 'trace-store')),
    '15 s',
  ]);
  await reach(bed, 'prometheus-stack', 'middle');
  rows.push(['server killed and restarted → progress', seconds(await serverBack()), '5 s']);
  await reach(bed, 'cert-manager', 'middle');
  rows.push(['teardown signal → tool process dead', seconds(await tornDown()), '3 s']);
  await bed.down();
} finally {
  await bed.close();
  await close();
}
rows.push(['replay of all histories', seconds(await replayed()), '5 s']);

printTable(rows);

/** @returns from the kill until the workflow answers again, in milliseconds; the following `up` starts the server */
async function serverBack(): Promise<number> {
  const started = performance.now();
  await bed.kill(await bed.daemon('server'));
  await bed.until('the environment to answer', async () => (await bed.look()) !== undefined);
  return performance.now() - started;
}

/** @returns from the signal until the helm that was running is dead, in milliseconds */
async function tornDown(): Promise<number> {
  const client = await bed.client();
  const [helm] = (await attemptOf(bed, 'cert-manager'))?.processes ?? [];
  if (!helm) throw new Error('There was no helm to end.');
  const started = performance.now();
  await client.workflow.getHandle(environmentWorkflowId(bed.environment)).signal('teardown');
  await bed.until('the end of helm', async () => !(await isAlive(helm)), 5);
  return performance.now() - started;
}

/** @returns in milliseconds, without the time to bundle, which only a developer's machine needs */
async function replayed(): Promise<number> {
  const [histories, bundle] = await Promise.all([readHistories(), workflowBundle()]);
  const started = performance.now();
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: bundle }, histories))
    if (error) throw new Error(`${workflowId} does not replay: ${error.message}`);
  return performance.now() - started;
}
