import { cp, link, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TracewrightError } from '../../../domain/failure.js';
import { downloadModule } from '../../../tools/go/go.js';
import type { ProcessOwner } from '../../../tools/process.js';
import type { Catalog, Graph, Image } from './catalog.js';
import { compileGraph, prepareGraph, type CompileContext, type PreparedGraph } from './compile.js';
import { writeImage, type Layer, type LayerEntry } from './image.js';
import { addModuleFiles, copyLicences } from './module-files.js';
import { ProgressMeter, type OnBuildProgress } from './progress.js';
import { pinnedGo } from './requirements.js';
import {
  buildPlaces,
  embeddedBuildHash,
  prune,
  readBuild,
  writeRecord,
  type EmbeddedBuild,
} from './store.js';

export interface WorkspaceOptions {
  catalog: Catalog;
  hash: string;
  sourceDir: string;
  cacheDir: string;
  onProgress?: OnBuildProgress;
  variables?: Readonly<Record<string, string | undefined>> | undefined;
  signal: AbortSignal;
  owner?: ProcessOwner | undefined;
}

/** Measured, in seconds: the share of the images in the progress bar. */
const imageSeconds = 10;

/**
 * The folder `<hash>.partial` in which a build grows. Each step leaves a mark there when it is done, so that an
 * interrupted build goes on with the first step that is not; within a step Go's caches do the same.
 */
export class BuildWorkspace {
  readonly #options: WorkspaceOptions;
  readonly #places: ReturnType<typeof buildPlaces>;
  readonly #compile: CompileContext;
  readonly #meter: ProgressMeter;
  readonly #known = new Set<string>();

  private constructor(options: WorkspaceOptions) {
    const { catalog, sourceDir, variables, signal, owner, onProgress } = options;
    const weights = new Map(catalog.graphs.map((graph) => [graph.folder, graph.seconds]));
    this.#options = options;
    this.#places = buildPlaces(options.cacheDir, options.hash);
    this.#meter = new ProgressMeter(weights.set('images', imageSeconds), (progress) =>
      onProgress?.(progress),
    );
    this.#compile = {
      go: { cacheDir: this.#places.go, variables: { ...variables, ...pinnedGo }, signal, owner },
      sourceDir,
      workDir: this.#at('work'),
      meter: this.#meter,
    };
  }

  /** Makes the folder, or enters the one that an interrupted build left. */
  static async open(options: WorkspaceOptions): Promise<BuildWorkspace> {
    const workspace = new BuildWorkspace(options);
    for (const folder of ['work', 'done', 'programs', 'images', 'charts', 'licences']) {
      await mkdir(workspace.#at(folder), { recursive: true, mode: 0o700 });
    }
    const charts = join(options.sourceDir, 'charts');
    if (await exists(charts)) await cp(charts, workspace.#at('charts'), { recursive: true, force: true });
    return workspace;
  }

  /**
   * Starts to prepare every graph, one after the other: the modules of the later ones are downloaded while the first is
   * compiled.
   */
  prepareAll(): Map<string, Promise<PreparedGraph | undefined>> {
    const prepared = new Map<string, Promise<PreparedGraph | undefined>>();
    let previous: Promise<unknown> = Promise.resolve();
    for (const graph of this.#options.catalog.graphs) {
      const mine = previous.then(async () =>
        (await this.#isDone(graph.folder)) ? undefined : prepareGraph(this.#compile, graph),
      );
      prepared.set(graph.folder, mine);
      previous = mine;
    }
    return prepared;
  }

  /** Compiles a graph, and takes from its modules what the charts need. */
  async buildGraph(graph: Graph, prepared: Promise<PreparedGraph | undefined> | undefined): Promise<void> {
    this.#meter.follow(graph.folder);
    const ready = await prepared;
    if (!ready) {
      this.#meter.at(graph.folder, 1, 'built before');
      return;
    }
    await compileGraph(this.#compile, ready, this.#at('programs', graph.folder), this.#known);
    for (const chart of this.#options.catalog.charts.filter((one) => one.graph === graph.folder)) {
      const { dir } = await downloadModule(this.#compile.go, ready.cwd, chart.module);
      await addModuleFiles(chart, this.#at('charts', chart.chart), dir);
    }
    await copyLicences(ready.linked, this.#at('licences', graph.folder));
    await this.#markDone(graph.folder);
  }

  async writeImages(): Promise<void> {
    const { images } = this.#options.catalog;
    this.#meter.follow('images');
    for (const [index, image] of images.entries()) {
      this.#options.signal.throwIfAborted();
      this.#meter.at('images', index / images.length, Object.keys(image.refs)[0] ?? image.tar);
      const path = this.#at('images', `${image.tar}.tar`);
      if (!(await exists(path))) await writeImage(path, this.#layer(image), image.refs);
    }
    this.#meter.at('images', 1, 'done');
  }

  /** Moves the finished build into place, and removes what it makes useless. */
  async publish(keep: readonly string[]): Promise<EmbeddedBuild> {
    const { catalog, hash, cacheDir, sourceDir } = this.#options;
    if ((await embeddedBuildHash(sourceDir)) !== hash) throw sourcesChanged(sourceDir);
    await rm(this.#at('bin'), { recursive: true, force: true });
    await mkdir(this.#at('bin'), { mode: 0o700 });
    for (const [name, program] of Object.entries(catalog.programs))
      await link(this.#at('programs', program), this.#at('bin', name));
    for (const folder of ['programs', 'work', 'done'])
      await rm(this.#at(folder), { recursive: true, force: true });
    await this.#writeRecord();
    await rm(this.#places.build, { recursive: true, force: true });
    await rename(this.#places.partial, this.#places.build);
    await prune(cacheDir, hash, keep);
    const build = await readBuild(cacheDir, hash);
    if (!build) throw new Error(`The build in ${this.#places.build} is not whole right after it was made.`);
    return build;
  }

  async #writeRecord(): Promise<void> {
    const { catalog, hash } = this.#options;
    const images = catalog.images.flatMap(({ tar, refs }) =>
      Object.keys(refs).map((ref) => ({ ref, tar: `images/${tar}.tar` })),
    );
    await writeRecord(this.#places.partial, {
      hash,
      programs: Object.keys(catalog.programs),
      images,
      charts: 'charts',
    });
  }

  #layer(image: Image): Layer {
    const source = this.#at('programs', image.program);
    const layer = new Map<string, LayerEntry>([[image.path, { kind: 'file', source }]]);
    for (const place of image.links) layer.set(place, { kind: 'link', target: image.path });
    for (const { workdir } of Object.values(image.refs)) {
      if (workdir !== '/') layer.set(workdir, { kind: 'folder', mode: 0o1777 });
    }
    return layer;
  }

  #at(...parts: string[]): string {
    return join(this.#places.partial, ...parts);
  }

  async #isDone(step: string): Promise<boolean> {
    return exists(this.#at('done', step));
  }

  async #markDone(step: string): Promise<void> {
    await writeFile(this.#at('done', step), '');
  }
}

/** Met by who works on the sources: the hash would promise what the programs do not hold. */
function sourcesChanged(sourceDir: string): TracewrightError {
  return new TracewrightError({
    type: 'build.compile-failed',
    message: `Files in ${sourceDir} changed while they were built.`,
    remedy: 'Run the command again: what has not changed is not compiled again.',
    retryable: true,
  });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
