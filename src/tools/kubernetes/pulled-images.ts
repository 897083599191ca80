import type { ToolCall } from '../../domain/step-attempt.js';
import { podsOfComponent, type ComponentPlace } from './component-pods.js';
import type { Kubernetes } from './connection.js';
import type { ClusterEvent, ObjectList } from './objects.js';
import type { Owner } from './ownership.js';

/** kubelet, since 1.27: `… in 1.2s (3.4s including waiting)`; earlier, without the wait. Of Go's durations. */
const pulledText = /^Successfully pulled image "(?<image>[^"]+)" in (?<took>[\d.a-zµ]+)/u;

const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  µs: 0.001,
  ns: 0.000_001,
};

/**
 * The images that kubelet pulled for the pods of a component, as its events tell: each with the time of its pull. What
 * was there already was not pulled.
 * @param since in milliseconds since the epoch: what was pulled before that is left out
 * @returns none where they cannot be read: they only tell where the time went
 */
export async function pulledImages(
  kube: Kubernetes,
  owner: Required<Owner>,
  component: ComponentPlace,
  { since, signal }: { readonly since: number; readonly signal: AbortSignal },
): Promise<ToolCall[]> {
  try {
    const pods = await podsOfComponent(kube, owner, component, signal);
    const uids = new Set(pods.map(({ metadata }) => metadata.uid));
    const namespaces = [...new Set(pods.map(({ metadata }) => metadata.namespace ?? 'default'))];
    const lists = await Promise.all(
      namespaces.map((namespace) =>
        kube.json<ObjectList<ClusterEvent>>({
          path: `/api/v1/namespaces/${namespace}/events?fieldSelector=reason%3DPulled`,
          signal,
        }),
      ),
    );
    return lists
      .flatMap(({ items }) => items ?? [])
      .filter(({ involvedObject }) => uids.has(involvedObject.uid))
      .flatMap((event) => pullOf(event) ?? [])
      .filter(({ endedAt }) => endedAt >= since);
  } catch {
    return [];
  }
}

/** Events tell whole seconds: the end of a pull is so exact, and its duration is exact. */
function pullOf({ message = '', lastTimestamp, eventTime }: ClusterEvent): ToolCall | undefined {
  const { image, took } = pulledText.exec(message)?.groups ?? {};
  const endedAt = Date.parse(lastTimestamp ?? eventTime ?? '');
  if (image === undefined || took === undefined || Number.isNaN(endedAt)) return undefined;
  return { tool: 'images', name: `pull ${image}`, startedAt: Math.round(endedAt - goMs(took)), endedAt };
}

/** Milliseconds of `1m2.5s`. */
function goMs(duration: string): number {
  const parts = duration.matchAll(/(?<count>[\d.]+)(?<unit>h|ms|m|s|µs|ns)/gu);
  return [...parts].reduce(
    (sum, { groups }) => sum + Number(groups?.['count']) * (unitMs[groups?.['unit'] ?? ''] ?? 0),
    0,
  );
}
