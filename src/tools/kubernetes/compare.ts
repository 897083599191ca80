import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { stringify } from 'yaml';
import { canonicalJson } from '../../domain/release.js';
import type { ObjectPreview } from '../../domain/preview.js';
import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { redact } from '../redact.js';
import { ApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { comparable, dryRunApply, type DryRunOptions } from './dry-run.js';
import { describe, type ObjectReference } from './objects.js';
import { readObject } from './observe.js';

/** Copies of the whole object in its own annotations, and what says nothing. */
const silentAnnotations = ['kubectl.kubernetes.io/last-applied-configuration'];

/**
 * What applying the object would change, by the word of the API server (a dry run), so that defaults are no change.
 * Changes nothing.
 * @returns `undefined` when it would change nothing
 * @throws TracewrightError `cluster.unreachable`, `cluster.forbidden`
 */
export async function compareObject(
  kube: Kubernetes,
  object: KubernetesObjectSpec,
  reference: ObjectReference,
  options: DryRunOptions,
): Promise<ObjectPreview | undefined> {
  const before = await readObject(kube, reference, options.signal);
  const preview = previewOf(reference);
  if (!before) return { ...preview, change: 'create', diff: diffOf(reference, undefined, object) };
  try {
    const after = comparable(await dryRunApply(kube, object, reference, options));
    const now = comparable(before);
    if (canonicalJson(now) === canonicalJson(after)) return undefined;
    return { ...preview, change: 'change', diff: diffOf(reference, now, after) };
  } catch (error) {
    if (!(error instanceof ApiError) || [401, 403].includes(error.status)) throw error;
    return { ...preview, change: 'change', diff: `# It cannot be compared: ${redact(error.detail)}` };
  }
}

/** The removal of an object that is there; `undefined` when it is not. */
export async function compareRemoval(
  kube: Kubernetes,
  reference: ObjectReference,
  signal?: AbortSignal,
): Promise<ObjectPreview | undefined> {
  const before = await readObject(kube, reference, signal);
  return before && { ...previewOf(reference), change: 'remove' };
}

function previewOf({ kind, name, namespace }: ObjectReference): Omit<ObjectPreview, 'change'> {
  return { kind, name, ...(namespace !== undefined && { namespace }) };
}

type Shown = Readonly<Record<string, unknown>>;

function diffOf(reference: ObjectReference, before: Shown | undefined, after: Shown): string {
  const [now, then] = withoutSecrets(reference.kind, before, after);
  const title = describe(reference);
  const yaml = (object: Shown | undefined): string =>
    object ? stringify(withoutNoise(object), { lineWidth: 0, sortMapEntries: true }) : '';
  const patch = createTwoFilesPatch(title, title, yaml(now), yaml(then), 'now', 'then', {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  });
  // Of a Secret nothing is left to redact, and what stands for its values must stay readable.
  return reference.kind === 'Secret' ? patch.trimEnd() : redact(patch.trimEnd());
}

/** Of Secrets only which of their values are there, and which become others. */
function withoutSecrets(
  kind: string,
  before: Shown | undefined,
  after: Shown,
): readonly [Shown | undefined, Shown] {
  if (kind !== 'Secret') return [before, after];
  const hidden = (object: Shown, other: Shown | undefined, changed: string): Shown => {
    const parts = (['data', 'stringData'] as const).filter((part) => isMap(object[part]));
    return {
      ...object,
      ...Object.fromEntries(
        parts.map((part) => {
          const values = Object.entries(object[part] as Shown);
          const others = isMap(other?.[part]) ? (other[part] as Shown) : {};
          const shown = values.map(([key, value]) => [
            key,
            others[key] === undefined || others[key] === value ? '(hidden)' : changed,
          ]);
          return [part, Object.fromEntries(shown) as Shown];
        }),
      ),
    };
  };
  return [before && hidden(before, after, '(hidden)'), hidden(after, before, '(hidden, another one)')];
}

function withoutNoise(object: Shown): Shown {
  const metadata = (object['metadata'] ?? {}) as Shown;
  const { uid: _, creationTimestamp: __, selfLink: ___, annotations, ...kept } = metadata;
  const told = Object.entries((annotations ?? {}) as Shown).filter(
    ([key]) => !silentAnnotations.includes(key),
  );
  return {
    ...object,
    metadata: { ...kept, ...(told.length > 0 && { annotations: Object.fromEntries(told) }) },
  };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
