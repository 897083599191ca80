import type { ReleaseRef } from '../../domain/release.js';
import type { ManifestsSpec, ProofSpec } from '../../domain/stack.js';
import { diffInstalled } from '../../tools/helm/diff.js';
import { observeRelease } from '../../tools/helm/release-record.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { diffObjects, diffText, isUnknown, type ObjectDiff } from '../../tools/kubernetes/diff.js';
import { describe } from '../../tools/kubernetes/objects.js';
import type { HopFacts, ObjectChange, Verdict } from './facts.js';
import { unlessUnknown } from './reader.js';

interface StackParts {
  readonly manifests: readonly ManifestsSpec[];
  readonly releases: readonly ReleaseRef[];
}

/** What of all that `up` brings about is gone or no longer as it was made: what it would put back. */
export async function readChanges(
  cluster: Kubernetes,
  { manifests, releases }: StackParts,
  signal: AbortSignal,
): Promise<HopFacts['changes']> {
  const found = await Promise.all([
    ...manifests.map((it) => unlessUnknown(() => changesOfManifests(cluster, it, signal))),
    ...releases.map((it) => unlessUnknown(() => changesOfRelease(cluster, it, signal))),
  ]);
  return found.flatMap((changes) => changes ?? []);
}

async function changesOfManifests(
  cluster: Kubernetes,
  { objects, namespace }: ManifestsSpec,
  signal: AbortSignal,
): Promise<ObjectChange[]> {
  const diffs = await diffObjects(cluster, objects, { namespace, signal });
  return diffs.filter((diff) => diff.state !== 'equal' && !isUnknown(diff)).map(changeOf);
}

function changeOf(diff: ObjectDiff): ObjectChange {
  return { namespace: diff.reference.namespace, text: diffText(diff) };
}

async function changesOfRelease(
  cluster: Kubernetes,
  release: ReleaseRef,
  signal: AbortSignal,
): Promise<ObjectChange[]> {
  const record = await observeRelease(cluster, release, signal);
  if (!record) return [];
  const { gone, changed } = await diffInstalled(cluster, record, { signal });
  return [
    ...gone.map((reference) => ({ namespace: reference.namespace, text: `${describe(reference)} is gone` })),
    ...changed.map(changeOf),
  ];
}

/** As evidence, one a line. */
export function changeLines(changes: readonly ObjectChange[]): string[] {
  return changes.map(({ text }) => `changed by hand: ${text}`);
}

/**
 * Where somebody has changed by hand what the stack file says of the broken hop, `up` puts it back, and `retry` would
 * only prove again that it is broken. Then the fix says so, and keeps the other way for whoever wants the change.
 */
export function withPutBack(verdict: Verdict, { spec, changes = [] }: HopFacts): Verdict {
  const places = placesOf(verdict.type, spec);
  const suspects = changes.filter(({ namespace }) => namespace !== undefined && places.includes(namespace));
  if (suspects.length === 0) return verdict;
  const texts = suspects.map(({ text }) => text).join('; ');
  return {
    ...verdict,
    remedy: `\`tracewright up\`, called as before, puts back what was changed by hand: ${texts}. Or fix it otherwise, then \`tracewright retry\`: ${verdict.remedy}`,
    evidence: [...changeLines(suspects), ...verdict.evidence],
  };
}

/** The namespaces of the parts that can break such a hop. */
function placesOf(type: Verdict['type'], { ride, collector, tempo, grafana }: ProofSpec): readonly string[] {
  switch (type) {
    case 'hop.hotrod':
      return [ride.namespace];
    case 'hop.hotrod-collector':
      return [ride.namespace, collector.namespace];
    case 'hop.collector':
    case 'hop.collector-tempo':
      return [collector.namespace];
    case 'hop.tempo':
    case 'hop.search':
      return [tempo.namespace];
    case 'hop.grafana':
      return 'skip' in grafana ? [] : [grafana.namespace];
    case 'hop.service-name':
      return [];
  }
}
