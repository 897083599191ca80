import { expect, test } from 'vitest';
import { judge } from '../../src/proof/diagnosis/judge.js';
import { withPutBack } from '../../src/proof/diagnosis/changes.js';
import { collector, factsOf, useOf, serviceOf } from './support/facts.js';

const use = useOf('exporters.otlp.endpoint', 'tempo.other:4317', serviceOf(4317));
const broken = factsOf('proof.trace-missing', {
  ...collector({ targets: [{ ...use, exporter: 'otlp' }] }),
  tempo: { ...factsOf('proof.trace-missing').tempo, received: 0 },
});
const verdict = judge(broken);
if (!verdict) throw new Error('These facts have a verdict.');
const fix = 'Set exporters.otlp.endpoint to tempo.tracing:4317.';

test('what was changed by hand is put back by up, or fixed by hand and tried again', () => {
  const text = 'OpenTelemetryCollector otel/collector differs in spec.config';
  const changes = [{ namespace: 'otel', text }];
  expect(withPutBack(verdict, { ...broken, changes })).toEqual({
    ...verdict,
    remedy: `\`tracewright up\`, called as before, puts back what was changed by hand: ${text}. Or fix it otherwise, then \`tracewright retry\`: ${fix}`,
    evidence: [`changed by hand: ${text}`, ...verdict.evidence],
  });
});

test.each([
  ['nothing was', []],
  ['it is not known', undefined],
  [
    'another part was',
    [{ namespace: 'default', text: 'Deployment default/hotrod differs in spec.replicas' }],
  ],
  ['what has no namespace was', [{ namespace: undefined, text: 'ClusterRole x is gone' }]],
])('the fix stays what it is where %s', (_, changes) => {
  expect(withPutBack(verdict, { ...broken, changes }).remedy).toBe(fix);
});

test('a stack file that asks for another name is not put back by anything', () => {
  const changes = ['default', 'otel', 'tracing', 'monitoring'].map((namespace) => ({ namespace, text: 'x' }));
  const misnamed = { ...verdict, type: 'hop.service-name' } as const;
  expect(withPutBack(misnamed, { ...broken, changes })).toBe(misnamed);
});
