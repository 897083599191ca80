/** What Markdown or HTML would take for itself. */
const special = /[\\*_<>[\]|#~]/gu;

/** Text of helm or a pod as it is; what stands between backticks stays code. One line. */
export function plain(text: string): string {
  return text
    .replace(/\s+/gu, ' ')
    .split(/(`[^`]*`)/u)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(special, '\\$&').replaceAll('`', '\\`')))
    .join('');
}

/** Lines as they are, as one block. */
export function fenced(lines: readonly string[]): string {
  const longest = Math.max(2, ...lines.flatMap((line) => line.match(/`+/gu) ?? []).map((it) => it.length));
  const fence = '`'.repeat(longest + 1);
  return [fence, ...lines, fence].join('\n');
}

/** A cell of a table. The Web UI draws tables without room between their columns: two wide spaces make it. */
export function cell(text: string): string {
  return ` ${text}\u2003`;
}
