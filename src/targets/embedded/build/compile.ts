import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CompileProgress, downloadModule, runGo, type Go } from '../../../tools/go/go.js';
import type { Graph } from './catalog.js';
import type { LinkedPackage } from './module-files.js';
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

/**
 * Go forbids laying files over its module cache, so the module is copied, the patch laid over the copy, and a go.mod
 * beside the committed one names the copy.
 */
async function patchFlags(
  { go, workDir }: CompileContext,
  { folder, patch }: Graph,
  cwd: string,
): Promise<string[]> {
  if (!patch) return [];
  const { dir } = await downloadModule(go, cwd, patch.module);
  const [copy, modFile] = [join(workDir, folder, 'module'), join(workDir, folder, 'go.mod')];
  await rm(join(workDir, folder), { recursive: true, force: true });
  await mkdir(join(workDir, folder), { recursive: true });
  await cp(dir, copy, { recursive: true });
  await cp(join(cwd, patch.with), copy, { recursive: true, force: true });
  for (const file of ['go.mod', 'go.sum']) await cp(join(cwd, file), join(workDir, folder, file));
  await runGo(go, { cwd, args: ['mod', 'edit', `-replace=${patch.module}=${copy}`, modFile], what: folder });
  return [`-modfile=${modFile}`];
}

/**
 * Compiles and links all programs of a graph with one `go build`, so that the linking of one runs beside the rest.
 * @param known packages that earlier graphs compiled; those of this one are added
 * @returns the programs' names; they stand in `outDir`
 */
export async function compileGraph(
  { go, meter }: CompileContext,
  { graph, cwd, flags, packages }: PreparedGraph,
  outDir: string,
  known: Set<string>,
): Promise<string[]> {
  const progress = new CompileProgress(packages.filter((name) => !known.has(name)).length);
  await mkdir(outDir, { recursive: true });
  await runGo(go, {
    cwd,
    args: [
      ...['build', '-v', '-trimpath', ...flags],
      // No debugger will look at these programs. Without DWARF, and with GOGC as in requirements.ts, Kubernetes took 17 % less
      // time.
      ...['-gcflags=all=-dwarf=false', `-ldflags=-s -w ${graph.ldflags}`],
      ...['-o', `${outDir}/`, ...graph.packages],
    ],
    what: graph.folder,
    onLine: (line) => {
      if (line.kind === 'package') meter.at(graph.folder, progress.next(), line.name);
      if (line.kind === 'download') meter.at(graph.folder, 0, `downloading ${line.module}`);
    },
  });
  for (const name of packages) known.add(name);
  meter.at(graph.folder, 1, 'done');
  return readdir(outDir);
}
