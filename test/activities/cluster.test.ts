import { describe, expect, it } from 'vitest';
import { wakeCluster } from '../../src/activities/cluster.js';
import type { ClusterRef } from '../../src/domain/progress.js';
import type { ClusterState, Target } from '../../src/targets/target.js';

const cluster: ClusterRef = {
  kind: 'embedded',
  kubeconfigPath: '/nowhere',
  serverUrl: 'https://198.51.100.1',
  version: 'v1',
  owned: true,
};
const target = { kind: 'embedded' } as const;
const stopped: ClusterState = { phase: 'stopped', facts: {} };

/** @returns what was reported, and how often the cluster was looked at and started */
async function wake(place: Parameters<typeof wakeCluster>[1], state = stopped) {
  const seen = { looks: 0, starts: 0, reports: [] as string[] };
  const local: Target = {
    kind: 'embedded',
    observe: () => Promise.resolve(((seen.looks += 1), state)),
    create: () => Promise.resolve(((seen.starts += 1), { ...cluster })),
    delete: () => Promise.reject(new Error('not asked for')),
  };
  const report = (text: string): void => void seen.reports.push(text);
  await wakeCluster(() => local, place, { report, signal: new AbortController().signal });
  return seen;
}

/** The real cluster after a power cut: `npm run test:faults -- machine`, and one blow of the representative faults. */
describe('wakeCluster', () => {
  it('starts a cluster of our own of which nothing runs, and says so', async () => {
    const { starts, reports } = await wake({ environment: 'demo', cluster, target });
    expect(starts).toBe(1);
    expect(reports).toEqual(['The cluster has stopped: starting it again']);
  });

  it.each(['ready', 'starting', 'absent'] as const)('leaves one alone that is %s', async (phase) => {
    const seen = await wake({ environment: 'demo', cluster, target }, { phase, facts: {} });
    expect(seen).toEqual({ looks: 1, starts: 0, reports: [] });
  });

  it('does not even look at a cluster of others', async () => {
    const seen = await wake({ environment: 'demo', cluster: { ...cluster, owned: false }, target });
    expect(seen.looks).toBe(0);
  });

  it('leaves alone a cluster of which an older workflow does not say where it comes from', async () => {
    expect((await wake({ environment: 'demo', cluster })).looks).toBe(0);
  });
});
