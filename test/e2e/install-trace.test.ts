import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { EndEvent } from '../../src/cli/views/event-schema.js';
import type { Progress } from '../../src/domain/progress.js';
import { errors, type Span, type Trace } from '../../src/domain/trace.js';
import type { AttemptRecord } from '../../src/tools/tool-claim.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { createCli, type Cli } from './cli.js';

const reason = await whyNoCluster();
/** For what a loaded machine does at its own pace. */
const patience = { timeout: 120_000, interval: 20 };

/** The install's own trace: one in which a helm was killed, its upgrade, and one that a `down` stops in the middle. */
describe.skipIf(reason !== undefined)('the trace of an install', { timeout: 300_000 }, () => {
  let stateDir: string;
  let cli: Cli;
  let installed: string;

  const succeed = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await cli.run(...args);
    expect(exitCode, `${args.join(' ')}: ${stderr}${stdout.slice(-1_000)}`).toBe(0);
    return stdout;
  };
  /** Installs or upgrades the environment. @returns the id that it prints for its trace */
  const up = async (...args: string[]): Promise<string> => {
    const stdout = await succeed('up', '--name', 'traced', '--json', ...args);
    const end = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as EndEvent;
    return end.installTraceId ?? '';
  };
  const traceOf = async (...args: string[]): Promise<Trace> =>
    (JSON.parse(await succeed('trace', ...args, '--json')) as { trace: Trace }).trace;
  const below = ({ spans }: Trace, parent: Span | undefined): Span[] =>
    spans.filter(({ parentId }) => parent !== undefined && parentId === parent.id);
  const stepOf = (trace: Trace, step: string): Span | undefined =>
    below(trace, trace.spans[0]).find(({ name }) => name === step);

  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'tracewright-traced-'));
    cli = createCli(stateDir);
    const record = join(stateDir, 'environments', 'traced', 'processes', 'trace-store.json');
    const killed = vi.waitFor(async () => {
      const { processes } = JSON.parse(await readFile(record, 'utf8')) as AttemptRecord;
      const [helm] = processes;
      expect(helm && process.kill(-helm.pid, 'SIGKILL')).toBe(true);
    }, patience);
    [installed] = await Promise.all([up(), killed]);
  }, 600_000);

  afterAll(async () => {
    await cli.run('down', '--name', 'traced');
    await cli.run('down');
    await rm(stateDir, { recursive: true, force: true });
  }, 120_000);

  it('has the workflow, all steps, their attempts and what they called, under the id that was printed', async () => {
    const trace = await traceOf('--install');
    expect(trace).toMatchObject({ id: installed, rootName: 'install embedded' });
    const { steps } = JSON.parse(await succeed('status', '--json')) as Progress;
    for (const { name } of steps) {
      const attempts = below(trace, stepOf(trace, name));
      expect(attempts.map((it) => it.name)).toEqual(
        attempts.map((_, index) => `attempt ${String(index + 1)}`),
      );
      expect(attempts.length).toBe(name === 'trace-store' ? 2 : 1);
      expect(below(trace, attempts.at(-1)).length, name).toBeGreaterThan(0);
    }
    for (const release of ['trace-store', 'kube-stack-prometheus', 'cert-manager', 'opentelemetry-operator'])
      expect(trace.spans).toContainEqual(
        expect.objectContaining({ service: 'helm', name: `upgrade ${release}` }),
      );
  });

  it('tells which call failed, and so which attempt', async () => {
    const trace = await traceOf('--install');
    const [first, second] = below(trace, stepOf(trace, 'trace-store'));
    expect([first?.status, second?.status]).toEqual(['error', 'ok']);
    const failed = below(trace, first).filter(({ status }) => status === 'error');
    expect(failed).toMatchObject([{ service: 'helm', error: 'signal SIGKILL' }]);
    expect(errors(trace)).toHaveLength(2);
  });

  it('is in the trace store, span by span', async () => {
    const kept = await traceOf(installed);
    const made = await traceOf('--install');
    expect(kept.spans.map(({ id, name }) => `${id} ${name}`)).toEqual(
      made.spans.map(({ id, name }) => `${id} ${name}`),
    );
  });

  it('has no options of what was called', async () => {
    const { spans } = await traceOf('--install');
    for (const { name, attributes } of spans)
      expect(`${name} ${JSON.stringify(attributes)}`).not.toMatch(/--|kubeconfig|password|token/iu);
  });

  it('is drawn in the terminal', async () => {
    const stdout = await succeed('trace', '--install');
    expect(stdout).toContain(`trace ${installed}`);
    expect(stdout).toMatch(/✗ .*attempt 1/u);
  });

  it('is a new one after an upgrade', async () => {
    const upgraded = await up('--set', 'trace-store.values.config.extensions.api.limit_mib=200');
    const trace = await traceOf('--install');
    expect(trace).toMatchObject({ id: upgraded, rootName: 'upgrade embedded' });
    expect(upgraded).not.toBe(installed);
    expect((await traceOf(upgraded)).spans).toHaveLength(trace.spans.length);
  });

  it('is there of an install that was taken away in the middle', async () => {
    // Without the webhook helm waits for its hook, and so until it is stopped.
    const noWebhook = 'cert-manager.values.webhook.replicaCount=0';
    await succeed('up', '--name', 'stopped', '--detach', '--set', noWebhook);
    const stateOf = async (step: string): Promise<string | undefined> => {
      const stdout = await succeed('status', '--name', 'stopped', '--json');
      return (JSON.parse(stdout) as Progress).steps.find(({ name }) => name === step)?.state;
    };
    await expect.poll(() => stateOf('cert-manager'), patience).toBe('running');
    await succeed('down', '--name', 'stopped');
    const trace = await traceOf('--install', '--name', 'stopped');
    expect(trace.spans[0]).toMatchObject({ name: 'install embedded', status: 'error' });
    expect(stepOf(trace, 'cluster')?.attributes['tracewright.state']).toBe('completed');
    const cancelled = stepOf(trace, 'cert-manager');
    expect(cancelled?.attributes['tracewright.state']).toBe('cancelled');
    expect(below(trace, cancelled)).toHaveLength(1);
    expect(stepOf(trace, 'verification')).toBeUndefined();
  });

  it('outlives the server that ended with the last environment', async () => {
    await succeed('down', '--name', 'traced');
    expect((await traceOf('--install', '--name', 'traced')).rootName).toBe('upgrade embedded');
  });
});
