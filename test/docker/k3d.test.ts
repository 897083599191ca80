import { describe, expect, it } from 'vitest';
import { report } from '../faults/report.js';
import { isGood } from '../faults/scenario.js';
import { whyNoDocker } from '../support/docker/package.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { representative } from './scenarios/k3d.js';

const reason = (await whyNoDocker()) ?? (await whyNoCluster());

/** The real k3d on a real engine; what its images hold instead of k3s is in test/support/k3d-images. */
describe.skipIf(reason !== undefined)(
  `k3d on a Docker engine${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    it(
      'goes from nothing to a proof, is found again, repaired, and taken away',
      { timeout: 900_000 },
      async () => {
        const rows = await representative.play((text) => {
          console.log(text);
        });
        expect(
          rows.filter((row) => !isGood(row)),
          report(rows),
        ).toEqual([]);
        expect(rows.map(({ what }) => what)).toContain('down');
      },
    );
  },
);
