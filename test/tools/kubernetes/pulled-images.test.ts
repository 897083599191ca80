import { describe, expect, it } from 'vitest';
import type { Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { pulledImages } from '../../../src/tools/kubernetes/pulled-images.js';

const signal = new AbortController().signal;
const owner = { environment: 'demo', component: 'tempo' };
const component = { release: { name: 'tempo', namespace: 'observability' } };
const annotations = {
  'meta.helm.sh/release-name': 'tempo',
  'meta.helm.sh/release-namespace': 'observability',
};

/** A cluster with a pod of tempo and one of somebody else, and these events: the pod's uid, time, message. */
function clusterWith(events: readonly (readonly [string, string, string])[]): Kubernetes {
  const lists: Readonly<Record<string, unknown[]>> = {
    pods: [
      { metadata: { name: 'tempo-0', namespace: 'observability', uid: 'own', annotations } },
      { metadata: { name: 'other', namespace: 'observability', uid: 'other' } },
    ],
    events: events.map(([uid, lastTimestamp, message]) => ({
      metadata: {},
      involvedObject: { kind: 'Pod', uid },
      lastTimestamp,
      message,
    })),
  };
  const json = ({ path }: { readonly path: string }): Promise<unknown> =>
    Promise.resolve({
      metadata: {},
      items: lists[/\/(?<kind>pods|events)/u.exec(path)?.groups?.['kind'] ?? ''],
    });
  return { json } as unknown as Kubernetes;
}

const pullsOf = (
  events: readonly (readonly [string, string, string])[],
  since = 0,
): ReturnType<typeof pulledImages> => pulledImages(clusterWith(events), owner, component, { since, signal });

describe('pulledImages', () => {
  it.each([
    [
      'Successfully pulled image "grafana/tempo:2.0.0" in 1.5s (2s including waiting). Image size: 1 bytes.',
      1_500,
    ],
    ['Successfully pulled image "grafana/tempo:2.0.0" in 1m2.25s (1m3s including waiting)', 62_250],
    ['Successfully pulled image "grafana/tempo:2.0.0" in 875.125ms', 875],
  ])('reads what kubelet says: %s', async (message, tookMs) => {
    const [pull] = await pullsOf([['own', '2026-01-31T12:00:00Z', message]]);
    const endedAt = Date.parse('2026-01-31T12:00:00Z');
    expect(pull).toEqual({
      tool: 'images',
      name: 'pull grafana/tempo:2.0.0',
      startedAt: endedAt - tookMs,
      endedAt,
    });
  });

  it('leaves out pulls of others, earlier ones, and what was there already', async () => {
    const pulled = 'Successfully pulled image "a" in 1s';
    const events = [
      ['other', '2026-01-31T12:00:00Z', pulled],
      ['own', '2026-01-31T11:00:00Z', pulled],
      ['own', '2026-01-31T12:00:00Z', 'Container image "a" already present on machine'],
    ] as const;
    expect(await pullsOf(events, Date.parse('2026-01-31T11:30:00Z'))).toEqual([]);
  });

  it('harms nothing where events cannot be read', async () => {
    const kube = { json: () => Promise.reject(new Error('forbidden')) } as unknown as Kubernetes;
    expect(await pulledImages(kube, owner, component, { since: 0, signal })).toEqual([]);
  });
});
