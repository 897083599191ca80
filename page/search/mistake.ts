/** Where in a query something is wrong. */
export interface Mistake {
  /** Positions in the text. */
  readonly from: number;
  readonly to: number;
  /** What the store says of it. */
  readonly text: string;
}

/**
 * The place that the store names when it refuses a query: `parse error at line 1, col 12: syntax error: unexpected }`. The
 * refusal may quote the query, so the last place counts.
 * @param grammar where the grammar of the editor stumbles, for stores that name no place
 */
export function mistakeOf(query: string, refusal: string, grammar?: number): Mistake {
  const place = [...refusal.matchAll(/line (\d+),? col(?:umn)? (\d+)/giu)].at(-1);
  const text = saidOf(refusal);
  if (!place) return { ...wordAt(query, grammar ?? query.length), text };
  const lines = query.split('\n');
  const line = Math.min(Number(place[1]), lines.length);
  const before = lines.slice(0, line - 1).reduce((sum, it) => sum + it.length + 1, 0);
  const column = Math.min(Math.max(Number(place[2]) - 1, 0), (lines[line - 1] ?? '').length);
  return { ...wordAt(query, before + column), text };
}

/** Without who said it and the query, which are on the screen. */
function saidOf(refusal: string): string {
  return refusal.replace(/^[\s\S]*HTTP 400: ?/u, '').trim() || refusal;
}

/** The word there, or one sign; at the end of the query the last one. */
function wordAt(query: string, at: number): { readonly from: number; readonly to: number } {
  const from = Math.max(0, Math.min(at, query.length - 1));
  const word = /^[\w.:]+/u.exec(query.slice(from))?.[0].length ?? 1;
  return { from, to: Math.min(query.length, from + Math.max(1, word)) };
}
