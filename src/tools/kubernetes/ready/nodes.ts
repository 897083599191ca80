import { isTracewrightError } from '../../../domain/failure.js';
import type { Kubernetes } from '../connection.js';
import type { ObjectMeta } from '../objects.js';

export interface TaintedNode {
  readonly name: string;
  /** Those that keep pods away, by their keys. */
  readonly taints: readonly string[];
  /** What the node is short of, such as `disk space`; `undefined` when its taints have other reasons. */
  readonly pressure?: string;
}

/**
 * What the kubelet says with the taint while it is short of something. It takes the taint away by itself: see
 * https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-conditions
 */
const pressures: Readonly<Record<string, string>> = {
  'node.kubernetes.io/disk-pressure': 'disk space',
  'node.kubernetes.io/memory-pressure': 'memory',
  'node.kubernetes.io/pid-pressure': 'processes',
};

interface NodeObject {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly taints?: readonly { readonly key: string; readonly effect: string }[] };
}

/** The nodes that some pods are kept away from. None when one may not look at nodes: this only explains a failure. */
export async function taintedNodes(kube: Kubernetes): Promise<TaintedNode[]> {
  try {
    const { items } = await kube.json<{ items: NodeObject[] }>({ path: '/api/v1/nodes', timeoutMs: 5_000 });
    return items.flatMap(taintsOf);
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    return [];
  }
}

function taintsOf({ metadata: { name }, spec }: NodeObject): TaintedNode[] {
  const taints = (spec?.taints ?? [])
    .filter(({ effect }) => effect !== 'PreferNoSchedule')
    .map(({ key }) => key);
  if (taints.length === 0) return [];
  const pressure = taints.map((key) => pressures[key]).find((it) => it !== undefined);
  return [{ name, taints, ...(pressure !== undefined && { pressure }) }];
}
