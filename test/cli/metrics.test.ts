import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Setting } from '../../src/cli/settings/setting.js';
import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { freePorts } from '../support/api-server.js';
import { docTable } from '../support/doc-table.js';
import { useSmallEnvironment } from './small-environment.js';
import { cli } from './support.js';

/** Real server, real worker, real scrape, while the first step is in the middle of its build. */
describe.skipIf((await whyUnsupported()) !== undefined)('the metrics', { timeout: 240_000 }, () => {
  const small = useSmallEnvironment();
  const { folder, command } = small;
  let address: string;

  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    address = `127.0.0.1:${String(port)}`;
  });

  const scrape = async (): Promise<string> => (await fetch(`http://${address}/metrics`)).text();

  it('are served by the worker that up starts', async () => {
    const up = await cli(folder, ['up', '--stack', 'small.yaml', '--detach'], {
      env: { ...small.env, TRACEWRIGHT_METRICS_ADDRESS: address },
    });
    expect(up.exitCode, up.errors.join('\n')).toBe(0);
    await expect
      .poll(scrape, { timeout: 60_000 })
      .toMatch(
        /^temporal_worker_task_slots_used\{.*task_queue="tracewright-host-[0-9a-f]{16}".*worker_type="ActivityWorker".*\} 1$/mu,
      );
  });

  it('stand in status, also of a shell that knows nothing of them', async () => {
    expect((await command('status')).stdout).toContain(`  Metrics           http://${address}/metrics`);
    expect(await scrape()).toContain('task_queue="tracewright-host-');
  });

  it('config shows what the environment keeps of its up', async () => {
    const { settings } = JSON.parse((await command('config', '--json')).stdout) as { settings: Setting[] };
    const kept = settings.filter(({ origin }) => origin.kind === 'up');
    expect(kept.map(({ name, value }) => `${name} ${String(value)}`)).toEqual([
      '--stack small',
      '--target embedded',
    ]);
    expect(await command('config', '--name', 'nope')).toMatchObject({ exitCode: 1 });
  });

  it('are those that the reference page names, also of what fails', async () => {
    small.proxy.close();
    const failed = 'temporal_activity_execution_failed_total';
    const served = async (): Promise<unknown[]> =>
      [...(await scrape()).matchAll(/^# TYPE (\S+) (\S+)$/gmu)].map(([, name, type]) => ({ name, type }));
    const always = rows('What is there while an environment lives');
    const later = rows('What comes with the first time that it happens');
    // A measured kind is there from its first measurement on: a moment later on a busy machine.
    await expect
      .poll(served, { timeout: 120_000 })
      .toEqual(expect.arrayContaining([...always, later.find(({ name }) => name === failed)]));
    const known = await Promise.all(sources.map((path) => readFile(path, 'utf8')));
    for (const { name = '' } of later)
      expect(known.join('\n')).toContain(`"${name.replace(/^temporal_/u, '').replace(/_total$/u, '')}"`);
  });
});

const core = '../../node_modules/@temporalio/core-bridge/sdk-core/crates';

/** Where the SDK names what did not happen here. */
const sources = [`${core}/sdk-core/src/telemetry/metrics.rs`, `${core}/client/src/metrics.rs`].map(
  (path) => new URL(path, import.meta.url),
);

const rows = (heading: string): { name: string | undefined; type: string | undefined }[] =>
  docTable('reference/metrics.md', heading).map(({ metric, type }) => ({ name: metric, type }));
