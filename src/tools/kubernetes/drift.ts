import { canonicalJson } from '../../domain/release.js';
import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { ApiError } from './api-error.js';
import { referencesOf } from './apply.js';
import type { Kubernetes } from './connection.js';
import { comparable, dryRunApply } from './dry-run.js';
import { describe, type ObjectReference } from './objects.js';
import { readObject } from './observe.js';

export interface ObjectDrift {
  readonly reference: ObjectReference;
  /** `immutable`: it differs in what the API server lets nobody change. */
  readonly state: 'missing' | 'different' | 'immutable';
  /** `Deployment tracing/tempo is gone`, `Deployment tracing/tempo differs in spec.replicas`; never values. */
  readonly text: string;
}

/** So many differences are named; what is wrong shows in them. */
const namedPaths = 3;

/**
 * What of the objects is gone or was changed by somebody. The API server itself says what applying them would change (a
 * dry run), so that defaults and other spellings of the same value are no difference; nor is what the objects do not
 * mention. Changes nothing.
 * @throws TracewrightError `cluster.unreachable`, `cluster.forbidden`
 */
export async function observeDrift(
  kube: Kubernetes,
  objects: readonly KubernetesObjectSpec[],
  namespace: string,
  signal?: AbortSignal,
): Promise<ObjectDrift[]> {
  const references = await referencesOf(kube, objects, namespace, signal);
  const drifts = await Promise.all(
    objects.map((object, index) => driftOf(kube, object, references[index] as ObjectReference, signal)),
  );
  return drifts.flat();
}

async function driftOf(
  kube: Kubernetes,
  object: KubernetesObjectSpec,
  reference: ObjectReference,
  signal?: AbortSignal,
): Promise<ObjectDrift[]> {
  const before = await readObject(kube, reference, signal);
  if (!before) return [{ reference, state: 'missing', text: `${describe(reference)} is gone` }];
  const differs = (state: 'different' | 'immutable', what: string): ObjectDrift[] => {
    return [{ reference, state, text: `${describe(reference)} differs in ${what}` }];
  };
  try {
    const after = await dryRunApply(kube, object, reference, { fieldManager: 'tracewright-drift', signal });
    const paths = differentPaths(comparable(before), comparable(after)).filter((path) => !isInjected(path));
    return paths.length === 0 ? [] : differs('different', paths.slice(0, namedPaths).join(', '));
  } catch (error) {
    if (!(error instanceof ApiError) || [401, 403].includes(error.status)) throw error;
    // That it exists is all that can be said of an object which the API server, or a webhook, does not take this way.
    return /immutable|updates to \S+ .*forbidden/iu.test(error.detail)
      ? differs('immutable', 'what cannot be changed')
      : [];
  }
}

/** Certificates of webhooks are written by whoever issues them, whatever a chart has in their place. */
const isInjected = (path: string): boolean => path.endsWith('.caBundle');

/** Where two values differ: `spec.template.spec.containers[0].image`. */
function differentPaths(one: unknown, other: unknown, path = ''): string[] {
  if (canonicalJson(one ?? null) === canonicalJson(other ?? null)) return [];
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length)
    return one.flatMap((item, index) => differentPaths(item, other[index], `${path}[${String(index)}]`));
  if (!isRecord(one) || !isRecord(other)) return [path];
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return keys.flatMap((key) => differentPaths(one[key], other[key], path === '' ? key : `${path}.${key}`));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
