import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** A path inside a folder of ours: never absolute, never upwards. */
const inside = z.string().regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/u, 'must be a path inside the folder');
const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/u, 'must be lower-case letters, digits and dashes');
/** `<graph>/<name of the file that go build writes>` */
const program = z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+$/u, 'must be <graph>/<program>');

const graph = z.strictObject({
  /** Below embedded/; it holds go.mod and go.sum. */
  folder: name,
  /** The weight of this graph in the progress bar: the processor time of a cold build, shared by 2 cores. */
  seconds: z.number().positive(),
  /** For `go build`; `tool` stands for the programs that go.mod names as tools. */
  packages: z.array(z.string()).min(1),
  /** Added to `-s -w`. Those for a package that a program does not have are ignored by the linker. */
  ldflags: z.string().default(''),
  /** Names of patches of modules that it links. */
  patches: z.array(name).default([]),
});

const runtime = z.strictObject({
  entrypoint: z.array(z.string()).min(1),
  cmd: z.array(z.string()).optional(),
  /** `uid` or `uid:gid`. @default root */
  user: z.string().default(''),
  workdir: z.string().default('/'),
});

const image = z.strictObject({
  tar: name,
  program,
  /** Where the program stands in the image. */
  path: z.string().startsWith('/'),
  /** Further names of the program in the image. */
  links: z.array(z.string().startsWith('/')).default([]),
  refs: z.record(z.string(), runtime),
});

const chart = z.strictObject({
  chart: name,
  /** The graph that names the module. */
  graph: name,
  module: z.string(),
  /** File, or folder whose files are meant, in the module → place in the chart. */
  copy: z.record(inside, inside).default({}),
  /** Chart.yaml from a template, with both versions set. */
  chartYaml: z.strictObject({ from: inside, version: z.string() }).optional(),
  /** All YAML files of a folder, by name, as one template that renders only when `when` is true. */
  join: z.strictObject({ from: inside, to: inside, when: z.string() }).optional(),
});

const catalog = z.strictObject({
  graphs: z.array(graph).min(1),
  /** Name of a folder in embedded/patches → the module that is built with it (module-files.ts). */
  patches: z.record(name, z.string()).default({}),
  /** Patterns of packages that are compiled without inlining: a quarter of the time less, for code that is rarely hot. */
  noInline: z.array(z.string()).default([]),
  /** Name of a file in the build's folder `bin` → what it is. */
  programs: z.record(name, program),
  images: z.array(image).default([]),
  charts: z.array(chart).default([]),
});

export type Catalog = z.infer<typeof catalog>;
export type Graph = z.infer<typeof graph>;
export type Image = z.infer<typeof image>;
export type ImageRuntime = z.infer<typeof runtime>;
export type ModuleChart = z.infer<typeof chart>;

/**
 * Reads `programs.yaml` of the folder that holds the sources.
 * @throws ZodError when it is not what this module says: the file is a part of Tracewright, so that is a bug of ours
 */
export async function readCatalog(sourceDir: string): Promise<Catalog> {
  return catalog.parse(parse(await readFile(join(sourceDir, 'programs.yaml'), 'utf8')));
}
