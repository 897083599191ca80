import { loadConfig } from '../src/config.js';
import { spanOf } from '../src/domain/critical-steps.js';
import { clusterStep } from '../src/domain/plan.js';
import type { Progress, StepProgress } from '../src/domain/progress.js';
import { chain } from '../test/faults/chain.js';
import { withCli, type BenchCli } from './cli.js';
import { criticalPath } from './critical-path.js';
import { median, printTable, seconds } from './table.js';

/**
 * What the order of the steps is worth: `npm run bench:order`, or `-- 5` for five rounds. Each round installs the
 * embedded stack twice on a new cluster: as its graph allows, and in the tutorial's order, one component after the
 * other. Wall times from a ready cluster to the proof, as ratios of the same round; nothing asserts on it.
 */
interface Round {
  /** Milliseconds from the ready cluster to the proof. */
  readonly graph: number;
  readonly order: number;
  /** The wall time of the whole install by the graph, over that of its critical path. */
  readonly overCriticalPath: number;
}

const rounds = Number(process.argv[2] ?? 3);
const measured: Round[] = [];
const { bed: tutorialOrder, close } = await chain();
try {
  await withCli(loadConfig(), async (cli) => {
    for (let round = 0; round < rounds; round += 1) {
      const graph = await install(cli, ['--stack', 'embedded']);
      const order = await install(cli, tutorialOrder.up);
      measured.push({
        graph: afterCluster(graph),
        order: afterCluster(order),
        overCriticalPath: spanOf(graph.steps, Date.now()) / criticalPath(graph.steps).ms,
      });
    }
  });
} finally {
  await close();
}

printTable([
  ['cluster ready → proof, by the graph', seconds(median(measured.map(({ graph }) => graph))), ''],
  ["cluster ready → proof, in the tutorial's order", seconds(median(measured.map(({ order }) => order))), ''],
  ["tutorial's order / graph", ratio(median(measured.map((it) => it.order / it.graph))), 'at least 1.8'],
  ['wall time / critical path', ratio(median(measured.map((it) => it.overCriticalPath))), 'at most 1.1'],
  [`medians of ${String(rounds)} rounds`, '', ''],
]);

async function install(cli: BenchCli, options: readonly string[]): Promise<Progress> {
  await cli.time('up', '--name', 'order', '--target', 'embedded', ...options);
  const progress = await cli.progress();
  await cli.time('down');
  return progress;
}

function afterCluster({ steps }: Progress): number {
  return spanOf(
    steps.filter(({ name }: StepProgress) => name !== clusterStep),
    Date.now(),
  );
}

function ratio(value: number): string {
  return `${value.toFixed(2)} ×`;
}
