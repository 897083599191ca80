import { readFileSync } from 'node:fs';

/** A row of a table by the heads of its columns, as it reads, without the marks of code. */
export type DocRow = Readonly<Record<string, string>>;

/** The rows of the first table below the text `after` in a page of the documentation. */
export function docTable(page: string, after: string): DocRow[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  const start = text.indexOf(after);
  if (start < 0) throw new Error(`docs/${page} has no "${after}".`);
  const lines = text.slice(start + after.length).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const table = lines.slice(
    first,
    lines.findIndex((line, index) => index > first && !line.startsWith('|')),
  );
  const [heads = [], , ...rows] = table.map(cellsOf);
  return rows.map((cells) => Object.fromEntries(heads.map((head, index) => [head, cells[index] ?? ''])));
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''));
}
