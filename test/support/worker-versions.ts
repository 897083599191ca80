import type { WorkflowHandle } from '@temporalio/client';
import { expect } from 'vitest';
import { provideTemporal } from '../../src/tools/temporal-binary.js';
import { run } from '../../src/tools/process.js';
import { sharedCacheDir } from './cache.js';

const deployment = ['worker', 'deployment'];

/** The versions of the worker deployment `tracewright`, as an operator sees and changes them with Temporal's command line. */
export class WorkerVersions {
  private readonly server: () => string;
  private readonly namespace: string;

  /** @param server `host:port` of the Temporal server, once it is known */
  constructor(server: () => string, namespace = 'default') {
    [this.server, this.namespace] = [server, namespace];
  }

  /** Waits for a worker of that version. */
  async makeCurrent(buildId: string): Promise<void> {
    const args = ['--deployment-name', 'tracewright', '--build-id', buildId, '--yes'];
    const set = () => this.temporal('set-current-version', ...args).then(() => 'done', String);
    await expect.poll(set, { timeout: 60_000 }).toBe('done');
  }

  /** @returns what Temporal says of the workflows of each version, by build id: `draining`, `drained` */
  async drainage(): Promise<Readonly<Record<string, string>>> {
    const text = await this.temporal('describe', '--name', 'tracewright', '--output', 'json');
    const { versionSummaries } = JSON.parse(text) as {
      versionSummaries: { BuildID: string; drainageStatus: string }[];
    };
    return Object.fromEntries(
      versionSummaries.map(({ BuildID, drainageStatus }) => [BuildID, drainageStatus]),
    );
  }

  private async temporal(...args: string[]): Promise<string> {
    const { path } = await provideTemporal({ cacheDir: sharedCacheDir, environment: process.env });
    const where = ['--address', this.server(), '--namespace', this.namespace];
    return (await run(path, [...deployment, ...args, ...where])).stdout;
  }
}

/** The versions that have worked on a workflow, each once, in their order. */
export async function versionsIn(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  const versions = events?.map((it) => it.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId);
  return [...new Set(versions?.filter((it) => it !== undefined && it !== null))];
}
