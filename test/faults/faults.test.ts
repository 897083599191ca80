import { describe, expect, it } from 'vitest';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { report } from './report.js';
import { isGood, playScenario } from './scenario.js';
import { representative } from './scenarios/representative.js';

const reason = await whyNoCluster();

describe.skipIf(reason !== undefined)(`faults${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  it(
    'ten of another kind each: nothing lost, nothing doubled, nothing left',
    { timeout: 1_200_000 },
    async () => {
      const rows = await playScenario(representative, (text) => {
        console.log(text);
      });
      expect(
        rows.filter((row) => !isGood(row)),
        report(rows),
      ).toEqual([]);
      expect(rows.length).toBeGreaterThanOrEqual(10);
    },
  );
});
