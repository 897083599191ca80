import { cp, mkdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CompileProgress, downloadModule, runGo, type Go } from '../../../tools/go/go.js';
import type { Catalog, Graph } from './catalog.js';
import { patchModule, type LinkedPackage } from './module-files.js';
import type { ProgressMeter } from './progress.js';

/** A graph whose modules are downloaded and whose packages are known. */
export interface PreparedGraph {
  readonly graph: Graph;
  /** The folder of its go.mod. */
  readonly cwd: string;
  /** Flags that lay its patch over a module. */
  readonly flags: readonly string[];
  /** Every package of its programs, as `path@version`. */
  readonly packages: readonly string[];
  /** What it links that is neither Go's nor ours. */
  readonly linked: readonly LinkedPackage[];
}

export interface CompileContext {
  readonly go: Go;
  readonly sourceDir: string;
  readonly catalog: Pick<Catalog, 'patches' | 'noInline'>;
  /** For patched modules. */
  readonly workDir: string;
  readonly meter: ProgressMeter;
}

/** Downloads the modules of a graph, as far as its programs need them, and lists its packages. */
export async function prepareGraph(context: CompileContext, graph: Graph): Promise<PreparedGraph> {
  const cwd = join(context.sourceDir, graph.folder);
  const flags = await patchFlags(context, graph, cwd);
  const output = await runGo(context.go, {
    cwd,
    args: [
      'list',
      '-deps',
      '-f',
      '{{.ImportPath}}@{{with .Module}}{{.Version}}\t{{if not .Main}}{{.Path}}@{{.Version}}\t{{.Dir}}{{end}}{{end}}\t{{.Dir}}',
      ...flags,
      ...graph.packages,
    ],
    what: graph.folder,
    onLine: (line) => {
      if (line.kind === 'download') context.meter.at(graph.folder, 0.01, `downloading ${line.module}`);
    },
  });
  const rows = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
  const linked = rows.flatMap(([, module, moduleDir, dir]) =>
    module && moduleDir && dir ? [{ module, moduleDir, dir }] : [],
  );
  return { graph, cwd, flags, packages: rows.map(([name = '']) => name), linked };
}

/** A go.mod beside the committed one names the changed copies. Graphs that share a patch share its copy. */
async function patchFlags(
  { go, workDir, sourceDir, catalog }: CompileContext,
  { folder, patches }: Graph,
  cwd: string,
): Promise<string[]> {
  if (patches.length === 0) return [];
  const modFile = join(workDir, folder, 'go.mod');
  await mkdir(join(workDir, folder), { recursive: true });
  for (const file of ['go.mod', 'go.sum']) await cp(join(cwd, file), join(workDir, folder, file));
  const replace: string[] = [];
  for (const name of patches) {
    const module = catalog.patches[name];
    if (module === undefined) throw new Error(`programs.yaml has no patch ${name}.`);
    const { dir } = await downloadModule(go, cwd, module);
    const copy = join(workDir, 'patched', basename(dir));
    if (!(await stat(copy).catch(() => undefined)))
      await patchModule(dir, join(sourceDir, 'patches', name), copy);
    replace.push(`-replace=${module}=${copy}`);
  }
  await runGo(go, { cwd, args: ['mod', 'edit', ...replace, modFile], what: folder });
  return [`-modfile=${modFile}`];
}

export interface CompileOptions {
  /** Where the programs go. */
  readonly outDir: string;
  /** Packages that earlier graphs compiled; those of this one are added. @default none */
  readonly known?: Set<string>;
  /** Called once when linking is all that is left, where that can be seen. */
  readonly onCompiled?: () => void;
}

/** Compiles and links all programs of a graph with one `go build`, so that the linking of one runs beside the rest. */
export async function compileGraph(
  { go, meter, catalog }: CompileContext,
  { graph, cwd, flags, packages }: PreparedGraph,
  { outDir, known = new Set(), onCompiled }: CompileOptions,
): Promise<void> {
  // `unsafe` is a name without code.
  const left = packages.filter((name) => !known.has(name) && !name.startsWith('unsafe@'));
  const progress = new CompileProgress(left.length);
  const compiled = (): void => {
    for (const name of packages) known.add(name);
    onCompiled?.();
  };
  await mkdir(outDir, { recursive: true });
  await runGo(go, {
    cwd,
    args: [
      ...['build', '-v', '-trimpath', ...flags],
      // No debugger will look at these programs. Without DWARF, and with GOGC as in requirements.ts, Kubernetes took 17 % less
      // time.
      ...[
        '-gcflags=all=-dwarf=false',
        ...catalog.noInline.map((pattern) => `-gcflags=${pattern}=-dwarf=false -l`),
      ],
      `-ldflags=-s -w ${graph.ldflags}`,
      ...['-o', `${outDir}/`, ...graph.packages],
    ],
    what: graph.folder,
    onLine: (line) => {
      if (line.kind === 'package') {
        meter.at(graph.folder, progress.next(), line.name);
        // The last to be compiled is a program's own package, a small one.
        if (progress.isLast) compiled();
      }
      if (line.kind === 'download') meter.at(graph.folder, 0, `downloading ${line.module}`);
    },
  });
  compiled();
  meter.at(graph.folder, 1, 'done');
}
