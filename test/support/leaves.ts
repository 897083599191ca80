type Path = readonly (string | number)[];

/** The paths of all values that are neither objects nor lists. */
export function leavesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** A copy in which the value at `path` is another one of the same type. */
export function withLeaf<T>(value: T, path: Path): T {
  const [key, ...rest] = path;
  if (key === undefined) return other(value) as T;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[key] = withLeaf(copy[key], rest);
  return copy as T;
}

function other(value: unknown): unknown {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  return `${String(value)}0`;
}
