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
  /** How many are written. */
  #images = 0;

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
      catalog,
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
   * Starts everything that has to be made, each as soon as what it needs is there: the modules of later graphs are
   * downloaded and the images of earlier ones written while one is compiled.
   * @returns all that was started; the build is whole when all of it has ended well
   */
  start(): Promise<unknown>[] {
    const prepared = this.#prepareAll();
    const built = this.#buildAll(prepared);
    const images = built.map(async ({ graph, done }) => {
      await done;
      await this.#writeImages(graph);
    });
    const graphs = built.map(({ done }) => done);
    return [...prepared.values(), ...graphs, ...images, this.#tellOfImages(graphs, images)];
  }

  /** One after the other. */
  #prepareAll(): Map<Graph, Promise<PreparedGraph | undefined>> {
    const prepared = new Map<Graph, Promise<PreparedGraph | undefined>>();
    let previous: Promise<unknown> = Promise.resolve();
    for (const graph of this.#options.catalog.graphs) {
      const mine = previous.then(async () =>
        (await this.#isDone(graph.folder)) ? undefined : prepareGraph(this.#compile, graph),
      );
      prepared.set(graph, mine);
      previous = mine;
    }
    return prepared;
  }

  /**
   * One after the other as well, so that a later graph finds what an earlier one compiled; but it begins when that one
   * has nothing left but to link, which takes one core.
   */
  #buildAll(
    prepared: Map<Graph, Promise<PreparedGraph | undefined>>,
  ): { graph: Graph; done: Promise<void> }[] {
    let turn: Promise<unknown> = Promise.resolve();
    return [...prepared].map(([graph, ready]) => {
      const before = turn;
      let done: Promise<void> = Promise.resolve();
      const compiled = new Promise<void>((resolve) => {
        done = before.then(() => this.#buildGraph(graph, ready, resolve));
      });
      turn = Promise.race([compiled, done]);
      // Nobody waits for the last turn; that a graph failed is seen at `done`.
      turn.catch(() => undefined);
      return { graph, done };
    });
  }

  /** Compiles a graph, and takes from its modules what the charts need. */
  async #buildGraph(
    graph: Graph,
    prepared: Promise<PreparedGraph | undefined>,
    onCompiled: () => void,
  ): Promise<void> {
    this.#meter.follow(graph.folder);
    const ready = await prepared;
    if (!ready) {
      this.#meter.at(graph.folder, 1, 'built before');
      return;
    }
    const outDir = this.#at('programs', graph.folder);
    await compileGraph(this.#compile, ready, { outDir, known: this.#known, onCompiled });
    for (const chart of this.#options.catalog.charts.filter((one) => one.graph === graph.folder)) {
      const { dir } = await downloadModule(this.#compile.go, ready.cwd, chart.module);
      await addModuleFiles(chart, this.#at('charts', chart.chart), dir);
    }
    await copyLicences(ready.linked, this.#at('licences', graph.folder));
    await this.#markDone(graph.folder);
  }

  /** Those with programs of this graph. */
  async #writeImages({ folder }: Graph): Promise<void> {
    const { images } = this.#options.catalog;
    for (const image of images.filter(({ program }) => program.startsWith(`${folder}/`))) {
      this.#options.signal.throwIfAborted();
      const path = this.#at('images', `${image.tar}.tar`);
      if (!(await exists(path))) await writeImage(path, this.#layer(image), image.refs);
      this.#images += 1;
      this.#meter.at('images', this.#images / images.length, Object.keys(image.refs)[0] ?? image.tar);
    }
  }

  /** Of what is left of them when everything is built. */
  async #tellOfImages(graphs: readonly Promise<void>[], images: readonly Promise<void>[]): Promise<void> {
    await Promise.all(graphs);
    this.#meter.follow('images');
    await Promise.all(images);
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
