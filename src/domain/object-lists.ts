/** Any value as YAML gives it. */
type Value = unknown;

/**
 * The objects in a list, as kubectl and helm see them: what has `items` is a list, be it a `List` or a `ConfigMapList`;
 * null is an empty one; items of a typed list need not repeat their kind; lists may hold lists.
 * @returns the value itself, alone, when it is no list
 */
export function unfoldList(value: Value): Value[] {
  if (!isRecord(value) || typeof value['kind'] !== 'string' || !Object.hasOwn(value, 'items')) return [value];
  const { apiVersion, kind, items } = value;
  if (items !== null && !Array.isArray(items)) return [value];
  const implied = kind === 'List' ? {} : { apiVersion, kind: kind.replace(/List$/u, '') };
  return (items ?? []).flatMap((item: Value) => unfoldList(isRecord(item) ? { ...implied, ...item } : item));
}

function isRecord(value: Value): value is Record<string, Value> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
