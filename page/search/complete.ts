/** What may be written where the cursor stands. */
export type Wanted =
  | { readonly what: 'value'; readonly field: string; readonly from: number }
  | { readonly what: 'field' | 'stage'; readonly from: number };

const field = String.raw`(?:[\w.:/-]|"(?:[^"\\]|\\.)*")+`;
const valueAt = new RegExp(
  String.raw`(${field})\s*(?:!=|=~|!~|>=|<=|=|>|<)\s*("(?:[^"\\]|\\.)*|[\w.]*)$`,
  'u',
);
const wordAt = /[\w.:/-]*$/u;

/**
 * What may be written at the end of `before`, the query up to the cursor: a value after a comparison, a field within braces, a
 * stage behind a bar.
 * @returns undefined where nothing can be proposed: outside of braces, in a text
 */
export function wantedAt(before: string): Wanted | undefined {
  const value = valueAt.exec(before);
  if (value) return { what: 'value', field: value[1] ?? '', from: before.length - (value[2] ?? '').length };
  // Texts hide braces and quotes.
  const code = before.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/gu, (it) => ' '.repeat(it.length));
  if (/["`]/u.test(code)) return undefined;
  const from = before.length - (wordAt.exec(code)?.[0].length ?? 0);
  const depth = code.split('{').length - code.split('}').length;
  if (depth > 0 || /\b(?:by|select|avg|min|max|sum)\([^)]*$/u.test(code)) return { what: 'field', from };
  return /\|\s*\w*$/u.test(code) ? { what: 'stage', from } : undefined;
}

/** What stands behind a bar, of which all versions of Tempo know some. */
export const stages = [
  'count()',
  'avg(duration)',
  'max(duration)',
  'min(duration)',
  'sum(duration)',
  'by(resource.service.name)',
  'select(status)',
] as const;
