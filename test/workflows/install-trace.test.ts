import { describe, expect, it } from 'vitest';
import { asActivity } from '../../src/activities/step-context.js';
import { verificationActivities } from '../../src/activities/verification.js';
import { TracewrightError } from '../../src/domain/failure.js';
import { parseTrace } from '../../src/domain/trace-json.js';
import { errors, orphans, type Trace } from '../../src/domain/trace.js';
import { latestInstall } from '../../src/install-trace/read.js';
import { installTrace } from '../../src/install-trace/spans.js';
import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { fail, ScriptedActivities, untilCancelled } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import {
  startRealHarness,
  tearDown,
  useHarness,
  withEnvironment,
  type RunningEnvironment,
} from './harness.js';

const harness = useHarness(startRealHarness);

/** Activities with the real one that sends, and a collector that keeps what comes. */
function withCollector(status = 200): { scripted: ScriptedActivities; sent: Trace[] } {
  const sent: Trace[] = [];
  const kube: Pick<Kubernetes, 'serviceRequest' | 'close'> = {
    serviceRequest: (_address, _path, { body = '' } = {}) => {
      const trace = parseTrace(body);
      if (trace) sent.push(trace);
      return Promise.resolve({ status, headers: {}, body: '' });
    },
    close: () => undefined,
  };
  const scripted = new ScriptedActivities();
  const real = verificationActivities(
    { stateDir: '/none' },
    () => kube as Kubernetes,
    () => {
      throw new Error('No cluster is woken here.');
    },
  );
  const { activities } = scripted;
  activities.sendInstallTrace = (task) => real.sendInstallTrace(task);
  return { scripted, sent };
}

const isReady = ({ phase }: { readonly phase: string }): boolean => phase === 'Ready';

async function traceOf({ handle }: RunningEnvironment): Promise<Trace | undefined> {
  const run = await latestInstall(harness.client, handle.workflowId.replace('environment-', ''));
  return run && installTrace(run, Date.now());
}

describe('the trace of an install', () => {
  it('is sent once the install is proved, and is what the history tells later', async () => {
    const { scripted, sent } = withCollector();
    await withEnvironment(harness, scripted, async (environment) => {
      const { installTraceId } = await environment.until('Ready', isReady);
      expect(sent.map(({ id }) => id)).toEqual([installTraceId]);
      expect(orphans(sent[0] as Trace)).toEqual([]);
      expect(errors(sent[0] as Trace)).toEqual([]);
      expect(await traceOf(environment)).toEqual(sent[0]);
      await tearDown(environment);
    });
  });

  it('has the attempts that failed, with what they called, and a cancelled one', async () => {
    const { scripted } = withCollector();
    const installRelease = asActivity(async ({ component }: { component: string }, step) => {
      await step.timed('helm', `upgrade ${component}`, () => Promise.resolve());
      if (component === 'tempo' && step.attempt < 3)
        throw new TracewrightError({ type: 'release.failed', message: 'm', remedy: 'r' });
      if (component === 'prometheus-stack') await untilCancelled();
      return { outcome: 'installed' };
    });
    Object.assign(scripted.activities, { installRelease });
    await withEnvironment(harness, scripted, async (environment) => {
      await environment.until('tempo done', ({ steps }) =>
        steps.some(({ name, state }) => name === 'tempo' && state === 'done'),
      );
      await tearDown(environment);
      const { spans = [] } = (await traceOf(environment)) ?? {};
      const below = (name: string, service = 'tracewright'): (typeof spans)[number][] => {
        const parents = spans.filter((span) => span.name === name && span.service === service);
        return spans.filter(({ parentId }) => parents.some(({ id }) => id === parentId));
      };
      expect(below('tempo').map(({ name, error }) => [name, error])).toEqual([
        ['attempt 1', 'release.failed'],
        ['attempt 2', 'release.failed'],
        ['attempt 3', undefined],
      ]);
      expect(spans.filter(({ name }) => name === 'upgrade tempo')).toHaveLength(3);
      expect(spans.filter(({ name }) => name === 'upgrade prometheus-stack')).toHaveLength(1);
      expect(spans.find(({ name }) => name === 'prometheus-stack')?.attributes['tracewright.state']).toBe(
        'cancelled',
      );
    });
  });

  it('is another one after an upgrade', async () => {
    const { scripted, sent } = withCollector();
    await withEnvironment(harness, scripted, async (environment) => {
      const first = await environment.until('Ready', isReady);
      const changed = spec();
      Reflect.deleteProperty(changed.stack.components, 'hotrod');
      await environment.handle.executeUpdate('apply', { args: [{ spec: changed }] });
      const second = await environment.until('upgraded', (it) => it.run === 2 && isReady(it));
      expect(second.installTraceId).not.toBe(first.installTraceId);
      expect(sent.map(({ id }) => id)).toEqual([first.installTraceId, second.installTraceId]);
      expect(sent[1]?.rootName).toMatch(/^upgrade /u);
      await tearDown(environment);
    });
  });

  it('does no harm where the collector does not take it', async () => {
    const { scripted } = withCollector(503);
    await withEnvironment(harness, scripted, async (environment) => {
      const ready = await environment.until('Ready', isReady);
      expect(ready.installTraceId).toBeUndefined();
      expect((await traceOf(environment))?.spans.length).toBeGreaterThan(10);
      await tearDown(environment);
    });
  });

  it.each([
    ['that is not wanted', { installTrace: false } as const, true],
    ['that was not proved', {}, false],
  ])('is not sent of one %s', async (_, change, proves) => {
    const { scripted, sent } = withCollector();
    if (!proves) scripted.on('verification', () => fail('chart.not-found'));
    await withEnvironment(
      harness,
      scripted,
      async (environment) => {
        await environment.until('an end', ({ phase }) => phase === (proves ? 'Ready' : 'Blocked'));
        if (!proves) await environment.handle.executeUpdate('skip', { args: [{ step: 'verification' }] });
        await environment.until('Ready', isReady);
        expect(sent).toEqual([]);
        await tearDown(environment);
      },
      change,
    );
  });
});
