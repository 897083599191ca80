import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { stringify } from 'yaml';
import { goYaml } from '../domain/go-yaml.js';
import type { ObjectPreview } from '../domain/preview.js';
import type { ComparableObject, ObjectDiff } from '../tools/kubernetes/diff.js';
import { describe, type ObjectReference } from '../tools/kubernetes/objects.js';
import { redact } from '../tools/redact.js';

/** What would become of an object that differs from what it should be; `undefined` when it does not. */
export function objectPreview({
  reference,
  state,
  now,
  then,
  failure,
}: ObjectDiff): ObjectPreview | undefined {
  if (state === 'equal') return undefined;
  const change = state === 'absent' ? 'create' : 'change';
  const diff = then
    ? yamlDiff(reference, now, then)
    : `# It cannot be compared: ${redact(failure?.message ?? '')}`;
  return { ...placeOf(reference), change, diff };
}

/** The removal of an object. */
export function removalPreview(reference: ObjectReference): ObjectPreview {
  return { ...placeOf(reference), change: 'remove' };
}

function placeOf({ kind, name, namespace }: ObjectReference): Omit<ObjectPreview, 'change'> {
  return { kind, name, ...(namespace !== undefined && { namespace }) };
}

function yamlDiff(
  reference: ObjectReference,
  before: ComparableObject | undefined,
  after: ComparableObject,
): string {
  const [now, then] = withoutSecrets(reference.kind, before, after);
  const title = describe(reference);
  const yaml = (object: ComparableObject | undefined): string =>
    object ? stringify(withoutNoise(object), { ...goYaml, lineWidth: 0, sortMapEntries: true }) : '';
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
  before: ComparableObject | undefined,
  after: ComparableObject,
): readonly [ComparableObject | undefined, ComparableObject] {
  if (kind !== 'Secret') return [before, after];
  const hidden = (
    object: ComparableObject,
    other: ComparableObject | undefined,
    changed: string,
  ): ComparableObject => {
    const parts = (['data', 'stringData'] as const).filter((part) => isMap(object[part]));
    const shown = parts.map((part) => {
      const others = isMap(other?.[part]) ? other[part] : {};
      const values = Object.entries(object[part] as ComparableObject).map(([key, value]) => [
        key,
        others[key] === undefined || others[key] === value ? '(hidden)' : changed,
      ]);
      return [part, Object.fromEntries(values) as ComparableObject] as const;
    });
    return { ...object, ...Object.fromEntries(shown) };
  };
  return [before && hidden(before, after, '(hidden)'), hidden(after, before, '(hidden, another one)')];
}

/** Copies of the whole object in its own annotations, and what says nothing. */
const silentAnnotations = ['kubectl.kubernetes.io/last-applied-configuration'];

function withoutNoise(object: ComparableObject): ComparableObject {
  const metadata = (object['metadata'] ?? {}) as ComparableObject;
  const { uid: _, creationTimestamp: __, selfLink: ___, annotations, ...kept } = metadata;
  const told = Object.entries((annotations ?? {}) as ComparableObject).filter(
    ([key]) => !silentAnnotations.includes(key),
  );
  return {
    ...object,
    metadata: { ...kept, ...(told.length > 0 && { annotations: Object.fromEntries(told) }) },
  };
}

function isMap(value: unknown): value is ComparableObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
