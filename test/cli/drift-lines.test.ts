import { expect, test } from 'vitest';
import { driftLines } from '../../src/cli/commands/status.js';
import type { ComponentDrift } from '../../src/domain/progress.js';

const inSync: ComponentDrift = { component: 'hotrod', state: 'in-sync', detail: '' };
const changed: ComponentDrift = {
  component: 'tempo',
  state: 'drifted',
  detail: 'StatefulSet tracing/tempo differs in spec.replicas',
};
const restarting: ComponentDrift = { component: 'operator', state: 'not-ready', detail: 'pods 0/1' };
const driftObservedAt = Date.UTC(2026, 0, 31, 12);

test.each<[string, readonly ComponentDrift[] | undefined, lines: number, ...facts: string[]]>([
  ['nobody has looked', undefined, 0],
  ['there is none', [inSync], 1, '2026-01-31T12:00:00.000Z'],
  [
    'somebody has changed something',
    [inSync, changed],
    2,
    'tempo',
    'drifted',
    changed.detail,
    '`tracewright up`',
  ],
  ['something is not ready', [restarting], 1, 'operator', 'not-ready', 'pods 0/1'],
])('what status says of drift when %s', (_, drift, count, ...facts) => {
  const lines = driftLines(drift ? { drift, driftObservedAt } : {});
  expect(lines).toHaveLength(count);
  for (const fact of facts) expect(lines.join('\n')).toContain(fact);
  expect(lines).toMatchSnapshot();
});
