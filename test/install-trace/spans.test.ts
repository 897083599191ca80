import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { historyFromJSON, type History } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, it } from 'vitest';
import { carriesAttempts } from '../../src/domain/step-attempt.js';
import { otlpJson, parseTrace } from '../../src/domain/trace-json.js';
import { orphans, type Span, type Trace } from '../../src/domain/trace.js';
import { installRuns, type InstallRun } from '../../src/install-trace/history.js';
import { installSpans, installTrace } from '../../src/install-trace/spans.js';
import { readHistories } from '../replay/histories.js';

const converter = loadDataConverter();
const kept = await readHistories();
/** Long after all of them. */
const now = Date.parse('2030-01-01');

function historyOf(scenario: string): History {
  const found = kept.find(({ workflowId }) => workflowId === `0.1.0/${scenario}`);
  return historyFromJSON(found?.history);
}

const runsOf = (scenario: string): Promise<readonly InstallRun[]> =>
  installRuns(historyOf(scenario), converter);

async function traceOfLast(scenario: string): Promise<Trace> {
  const run = (await runsOf(scenario)).at(-1);
  if (!run) throw new Error(`${scenario} has no install`);
  return installTrace(run, now);
}

/** `install shape > tempo > attempt 1`. */
function pathsOf({ spans }: Trace): string[] {
  const byId = new Map(spans.map((span) => [span.id, span]));
  const path = ({ name, parentId }: Span): string => {
    const parent = byId.get(parentId ?? '');
    return parent ? `${path(parent)} > ${name}` : name;
  };
  return spans.map(path);
}

describe('the trace of an install, from the history of its workflow', () => {
  it('has the workflow, its steps and their attempts', async () => {
    const trace = await traceOfLast('happy-path');
    const steps = ['cluster', 'tempo', 'prometheus-stack', 'cert-manager', 'operator', 'collector', 'hotrod'];
    for (const step of [...steps, 'verification']) {
      expect(pathsOf(trace)).toContain(`install shape > ${step}`);
      expect(pathsOf(trace)).toContain(`install shape > ${step} > attempt 1`);
    }
    expect(trace.spans.filter(({ status }) => status === 'error')).toEqual([]);
    expect(orphans(trace)).toEqual([]);
  });

  it('has one id for each install, which its history decides', async () => {
    const [install, upgrade] = await runsOf('upgrade');
    expect([install?.kind, upgrade?.kind]).toEqual(['install', 'upgrade']);
    expect(install?.traceId).not.toBe(upgrade?.traceId);
    expect((await runsOf('upgrade')).map(({ traceId }) => traceId)).toEqual([
      install?.traceId,
      upgrade?.traceId,
    ]);
  });

  it('tells failed attempts, and how long a step waited for a decision', async () => {
    const trace = await traceOfLast('retry');
    const failed = trace.spans.filter(({ status }) => status === 'error');
    expect(failed.map(({ name, error }) => [name, error])).toEqual([
      ['attempt 1', expect.stringContaining('release.failed')],
      ['attempt 1', expect.stringContaining('ready.crash-loop')],
    ]);
    expect(pathsOf(trace)).toContain('install shape > tempo > attempt 2');
    expect(pathsOf(trace)).toContain('install shape > operator > wait for a decision');
  });

  it('tells of an install that a teardown stopped in the middle', async () => {
    const trace = await traceOfLast('teardown-in-mid-install');
    expect(pathsOf(trace)).not.toContain('install shape > verification');
    const stateOf = (step: string): unknown =>
      trace.spans.find(({ name }) => name === step)?.attributes['tracewright.state'];
    expect(stateOf('tempo')).toBe('cancelled');
    expect(stateOf('hotrod')).toBe('completed');
    expect(trace.spans[0]).toMatchObject({ name: 'install shape', status: 'error' });
  });

  it('has neither verifications nor the removal', async () => {
    const runs = await runsOf('happy-path');
    expect(runs).toHaveLength(1);
    expect(runs[0]?.activities.filter(({ step }) => step === 'verification')).toHaveLength(1);
    expect(await runsOf('continue-as-new-2')).toEqual([]);
  });

  it('tells of one that runs how far it is', async () => {
    const { events } = historyOf('happy-path');
    const [run] = await installRuns({ events: (events ?? []).slice(0, 25) }, converter);
    expect(run?.endedAt).toBeUndefined();
    const open = installSpans(run as InstallRun, now).filter(({ endNs }) => endNs === `${String(now)}000000`);
    expect(open.map(({ name }) => name)).toContain('install shape');
    expect(open.length).toBeGreaterThan(1);
  });

  it('is cut at any event, and reads', async () => {
    const { events = [] } = historyOf('retry');
    for (let length = 1; length <= (events?.length ?? 0); length += 1)
      for (const run of await installRuns({ events: events?.slice(0, length) ?? [] }, converter))
        expect(orphans(installTrace(run, now))).toEqual([]);
  });

  it('goes over OTLP and comes back', async () => {
    const [run] = await runsOf('retry');
    const sent = otlpJson(run?.traceId ?? '', installSpans(run as InstallRun, now));
    expect(parseTrace(sent)).toEqual(installTrace(run as InstallRun, now));
  });
});

describe('what the attempts called', () => {
  const run: InstallRun = {
    kind: 'install',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    eventId: 6,
    environment: 'demo',
    stack: 'embedded',
    target: 'embedded',
    startedAt: 1_000,
    endedAt: 9_000,
    end: 'Ready',
    queues: [{ eventId: 9, startedAt: 1_000, endedAt: 1_050 }],
    activities: [
      {
        eventId: 19,
        step: 'tempo',
        title: 'tempo: Tempo',
        scheduledAt: 1_000,
        startedAt: 6_000,
        endedAt: 9_000,
        state: 'completed',
        attempt: 3,
        attempts: [
          {
            attempt: 1,
            startedAt: 1_100,
            endedAt: 3_000,
            failure: 'release.failed',
            calls: [
              { tool: 'helm', name: 'upgrade tempo', startedAt: 1_200, endedAt: 2_900, error: 'exit code 1' },
            ],
          },
          { attempt: 2, startedAt: 4_000, endedAt: 5_000, calls: [] },
          {
            attempt: 3,
            startedAt: 6_000,
            endedAt: 9_000,
            calls: [
              { tool: 'helm', name: 'upgrade tempo', startedAt: 6_100, endedAt: 7_000 },
              { tool: 'images', name: 'pull grafana/tempo:2.0.0', startedAt: 7_000, endedAt: 8_500 },
            ],
          },
        ],
      },
    ],
  };

  it('stands below its attempt, as a service of its own', () => {
    const trace = installTrace(run, now);
    expect(pathsOf(trace)).toEqual([
      'install embedded',
      'install embedded > wait for a slot of the machine',
      'install embedded > tempo',
      'install embedded > tempo > attempt 1',
      'install embedded > tempo > attempt 1 > upgrade tempo',
      'install embedded > tempo > attempt 2',
      'install embedded > tempo > attempt 3',
      'install embedded > tempo > attempt 3 > upgrade tempo',
      'install embedded > tempo > attempt 3 > pull grafana/tempo:2.0.0',
    ]);
    expect(new Set(trace.spans.map(({ service }) => service))).toEqual(
      new Set(['tracewright', 'helm', 'images']),
    );
  });

  it('tells which attempts failed, and which died without a word', () => {
    const errors = installTrace(run, now).spans.filter(({ status }) => status === 'error');
    expect(errors.map(({ error }) => error)).toEqual([
      'release.failed',
      'exit code 1',
      'the worker was lost',
    ]);
  });

  it('may be missing in what older versions wrote', () => {
    expect([{ outcome: 'installed' }, undefined, null, 'x', { attempts: 3 }].some(carriesAttempts)).toBe(
      false,
    );
  });
});
