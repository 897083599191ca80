import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/** What each file of a folder imports of the others, types and imports at run time included; paths from the folder on. */
export type Imports = ReadonlyMap<string, ReadonlySet<string>>;

/** Reads the imports of all TypeScript files below `folder`. */
export async function readImports(folder: string): Promise<Imports> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => name.endsWith('.ts')).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return new Map(
    files.map((file, index) => {
      const { importedFiles } = ts.preProcessFile(texts[index] ?? '', true, true);
      const paths = importedFiles
        .filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) =>
          relative(folder, join(folder, dirname(file), fileName.replace(/\.js$/u, '.ts'))),
        )
        .filter((path) => path !== file && !path.startsWith('..'));
      return [file, new Set(paths)];
    }),
  );
}

/** The groups of files that import each other, directly or round about (Tarjan's strongly connected components). */
export function cyclesOf(imports: Imports): string[][] {
  const order = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): number => {
    const own = order.size;
    order.set(file, own);
    stack.push(file);
    let lowest = own;
    for (const other of imports.get(file) ?? []) {
      const seen = order.get(other);
      if (seen === undefined) lowest = Math.min(lowest, visit(other));
      else if (stack.includes(other)) lowest = Math.min(lowest, seen);
    }
    if (lowest === own) {
      const cycle = stack.splice(stack.indexOf(file));
      if (cycle.length > 1) cycles.push(cycle.sort());
    }
    return lowest;
  };
  for (const file of imports.keys()) if (!order.has(file)) visit(file);
  return cycles;
}
