import { expect, test } from 'vitest';
import { driftLines } from '../../src/cli/drift-lines.js';
import type { ComponentDrift } from '../../src/domain/progress.js';

const inSync: ComponentDrift = { component: 'hotrod', state: 'in-sync', detail: '' };
const changed: ComponentDrift = {
  component: 'tempo',
  state: 'drifted',
  detail: 'StatefulSet tracing/tempo differs in spec.replicas',
};
const restarting: ComponentDrift = { component: 'operator', state: 'not-ready', detail: 'pods 0/1' };
const driftObservedAt = Date.UTC(2026, 0, 31, 12);

test.each<[string, readonly ComponentDrift[] | undefined, readonly string[]]>([
  ['nobody has looked', undefined, []],
  ['there is none', [inSync], ['  Drift             none, looked 2026-01-31T12:00:00.000Z']],
  [
    'somebody has changed something',
    [inSync, changed],
    [
      '  Drift             tempo: drifted, StatefulSet tracing/tempo differs in spec.replicas',
      '                    `tracewright up`, called as before, puts it back',
    ],
  ],
  ['something is not ready', [restarting], ['  Drift             operator: not-ready, pods 0/1']],
])('what status says of drift when %s', (_, drift, lines) => {
  expect(driftLines(drift ? { drift, driftObservedAt } : {})).toEqual(lines);
});
