/** A Markdown table. `|` in a cell is escaped; Prettier aligns the columns. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const escaped = (cell: string): string => cell.replaceAll('|', '\\|');

/** What a reader of the Markdown source must know. */
export function generatedNote(source: string): string {
  return `<!-- Written by \`npm run reference\` from ${source}. Change it there. -->`;
}
