import { describe, expect, it } from 'vitest';
import type { Progress, StepProgress } from '../../src/domain/progress.js';
import { currentDetails, fenced, plain } from '../../src/workflows/presentation.js';

const at = Date.UTC(2026, 0, 31, 12, 0, 31);
const step = (name: string, change: Partial<StepProgress>): StepProgress => ({
  name,
  kind: 'release',
  title: name,
  needs: [],
  state: 'pending',
  ...change,
});
const details = (change: Partial<Progress>): string =>
  currentDetails({
    environment: 'demo',
    phase: 'Provisioning',
    stack: 'tutorial',
    target: 'kubeconfig',
    run: 1,
    startedAt: at,
    updatedAt: at,
    steps: [],
    ...change,
  });

const failure = {
  type: 'ready.image-pull',
  message: 'The image <none>|x of my_pod cannot be pulled.',
  remedy: 'Look at `tracewright logs a_b`.',
  retryable: true,
  evidence: ['first ``` line', '2nd line'],
  attempts: 3,
} as const;

const proof = { traceId: 'abc', spans: 52, services: { a: 50, b: 2 } } as unknown as NonNullable<
  Progress['proof']
>;

describe('the current details', () => {
  it('say first why a step is blocked, since when, after how many attempts, and what to do', () => {
    const text = details({
      phase: 'Blocked',
      steps: [step('tempo', { state: 'blocked', startedAt: at - 5_000, endedAt: at, failure })],
    });
    expect(text).toContain('### demo: Blocked');
    expect(text).toContain('#### tempo is blocked: `ready.image-pull`');
    expect(text).toContain('The image \\<none\\>\\|x of my\\_pod cannot be pulled.');
    expect(text).toContain('````\nfirst ``` line\n2nd line\n````');
    expect(text).toContain('**What to do:** Look at `tracewright logs a_b`.');
    expect(text).toContain('Waits for you since 2026-01-31 12:00 UTC, after 3 attempts:');
    for (const command of ['retry tempo', 'skip tempo', 'down'])
      expect(text).toContain(`- \`tracewright ${command} --name demo\` `);
    expect(text).not.toContain('tracewright up');
    expect(text.indexOf('is blocked')).toBeLessThan(text.indexOf('|:--|'));
  });

  it('say of a blocked proof that up puts back what was changed by hand', () => {
    const blocked = step('verification', { kind: 'verification', state: 'blocked', failure });
    expect(details({ phase: 'Blocked', steps: [blocked] })).toContain(
      '- `tracewright up --name demo`, with the options of before, first puts back',
    );
  });

  it('ask for no decision about a step that has failed for good', () => {
    const text = details({
      phase: 'Stopped',
      stoppedBecause: 'tempo failed: x_y',
      steps: [step('tempo', { state: 'failed', failure })],
    });
    expect(text).toContain('#### tempo has failed');
    expect(text).toContain('Stopped: tempo failed: x\\_y');
    expect(text).not.toContain('tracewright retry');
  });

  it('have a row for each step: what it did, does since when, or waits for', () => {
    const text = details({
      cluster: {
        kind: 'kubeconfig',
        kubeconfigPath: '/k',
        context: 'team-a',
        serverUrl: 'https://x',
        version: 'v1.34.4',
        owned: false,
      },
      steps: [
        step('cert', {
          state: 'done',
          outcome: 'installed, revision 1',
          startedAt: at - 65_000,
          endedAt: at,
        }),
        step('operator', { state: 'running', startedAt: at }),
        step('collector', { needs: ['operator'] }),
      ],
    });
    expect(text).toContain(
      'Stack **tutorial** on target **kubeconfig**, context **team-a**, Kubernetes v1.34.4',
    );
    const rows = text.split('\n').filter((line) => line.startsWith('|'));
    const cells = rows.map((row) => row.split('|').map((it) => it.trim()));
    expect(cells.map((row) => row.slice(1, -1))).toEqual([
      ['', 'Step', 'What', 'Took'],
      [':--', ':--', ':--', ':--'],
      ['✓', 'cert', 'installed, revision 1', '1 min 05 s'],
      ['▶', 'operator', '**running** since 12:00:31 UTC', ''],
      ['·', 'collector', 'waits for operator', ''],
    ]);
    expect(text).toContain('**Pending Activities** tells what a running step does now');
  });

  it('tell of the proof, of drift, of a pause and of the end of its life', () => {
    const text = details({
      phase: 'Ready',
      paused: true,
      lastVerifiedAt: at,
      expiresAt: at + 3_600_000,
      drift: [
        { component: 'tempo', state: 'in-sync', detail: '' },
        { component: 'hotrod', state: 'missing', detail: 'Service hotrod is gone.' },
      ],
      driftObservedAt: at,
      proof,
    });
    expect(text).toContain(
      '**Proved** by the trace `abc`: 52 spans of 2 services, 2026-01-31 12:00 UTC. `tracewright trace --name demo` draws it.',
    );
    expect(text).toContain('`tracewright resume --name demo`');
    expect(text).toContain('Torn down by itself: 2026-01-31 13:00 UTC; `tracewright extend 4h --name demo`');
    expect(details({ phase: 'Blocked', proof })).toContain('**Last proved** by the trace `abc`');
    expect(text).toContain('- hotrod: **missing**. Service hotrod is gone.');
    expect(text).toContain('`tracewright up --name demo`, with the options of before, puts it back.');
    expect(text).not.toContain('tempo');
  });
});

describe('Markdown of other texts', () => {
  it('leaves code as it is, and lets nothing else be taken for Markdown or HTML', () => {
    expect(plain('*a* <b> [c](d) `e_f|g` h`i')).toBe('\\*a\\* \\<b\\> \\[c\\](d) `e_f|g` h\\`i');
    expect(plain('one\ntwo')).toBe('one two');
  });

  it('fences lines with more backticks than they have', () => {
    expect(fenced(['a'])).toBe('```\na\n```');
    expect(fenced(['a ```` b'])).toBe('`````\na ```` b\n`````');
  });
});
