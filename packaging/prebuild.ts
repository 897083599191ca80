/**
 * Builds, for every processor, the programs of ours that are shipped ready in the package: run by `npm pack`. What is there
 * from the same sources and the same Go is not built again. A machine without Go packs without them, so that the package
 * can be installed from its repository; `--require` refuses that.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadConfig } from '../src/config.js';
import { isTracewrightError } from '../src/domain/failure.js';
import { readCatalog } from '../src/targets/embedded/build/catalog.js';
import { compileGraph, prepareGraph } from '../src/targets/embedded/build/compile.js';
import { copyLicences } from '../src/targets/embedded/build/module-files.js';
import { ProgressMeter } from '../src/targets/embedded/build/progress.js';
import { checkGo, pinnedGo } from '../src/targets/embedded/build/requirements.js';
import { buildPlaces, sourcesHash } from '../src/targets/embedded/build/store.js';
import { architectures } from '../src/targets/embedded/download/pins.js';
import {
  findPrebuilt,
  ownPrograms,
  prebuiltDir,
  type OwnProgram,
  type PrebuiltChecksums,
} from '../src/targets/embedded/download/prebuilt.js';
import { embeddedSourceDir } from '../src/targets/open-target.js';
import { run } from '../src/tools/process.js';

try {
  const go = await checkGo();
  if (await isBuilt(go)) console.log(`prebuilt/ is from these sources and Go ${go}`);
  else await prebuild(go);
} catch (error) {
  if (!isTracewrightError(error) || process.argv.includes('--require')) throw error;
  await rm(prebuiltDir, { recursive: true, force: true });
  console.warn(`Packed without prebuilt programs: ${error.message}`);
}

async function isBuilt(go: string): Promise<boolean> {
  const text = await readFile(join(prebuiltDir, 'checksums.json'), 'utf8').catch(() => undefined);
  if (text === undefined || (JSON.parse(text) as PrebuiltChecksums).go !== go) return false;
  for (const program of Object.keys(ownPrograms) as OwnProgram[])
    for (const arch of Object.keys(architectures))
      if (typeof (await findPrebuilt(program, { sourceDir: embeddedSourceDir, arch })) === 'string')
        return false;
  return true;
}

async function prebuild(go: string): Promise<void> {
  const catalog = await readCatalog(embeddedSourceDir);
  const cacheDir = buildPlaces(loadConfig().cacheDir, '').go;
  const partial = `${prebuiltDir}.partial`;
  await rm(partial, { recursive: true, force: true });
  const sums = { go, sources: {} as Record<string, string>, files: {} as Record<string, string> };
  for (const [program, folder] of Object.entries(ownPrograms)) {
    const graph = catalog.graphs.find((it) => it.folder === folder);
    if (!graph) throw new Error(`programs.yaml has no graph ${folder}.`);
    sums.sources[folder] = await sourcesHash(join(embeddedSourceDir, folder));
    for (const [arch, GOARCH] of Object.entries(architectures)) {
      const context = {
        go: { cacheDir, variables: { ...pinnedGo, GOARCH }, signal: undefined },
        sourceDir: embeddedSourceDir,
        catalog,
        workDir: join(partial, 'work'),
        meter: new ProgressMeter(new Map(), () => undefined),
      };
      const prepared = await prepareGraph(context, graph);
      const out = join(partial, 'work', GOARCH, folder);
      await compileGraph(context, prepared, { outDir: out });
      const file = `linux-${arch}/${program}`;
      await mkdir(dirname(join(partial, file)), { recursive: true });
      await rename(join(out, folder), join(partial, file));
      const content = await readFile(join(partial, file));
      sums.files[file] = createHash('sha256').update(content).digest('hex');
      console.log(`${file} ${(content.length / 1e6).toFixed(1)} MB`);
      await copyLicences(prepared.linked, join(partial, 'licences', folder));
    }
  }
  await rm(join(partial, 'work'), { recursive: true, force: true });
  const { stdout: root } = await run('go', ['env', 'GOROOT']);
  await mkdir(join(partial, 'licences', 'go'));
  await copyFile(join(root.trim(), 'LICENSE'), join(partial, 'licences', 'go', 'LICENSE'));
  await writeFile(join(partial, 'checksums.json'), `${JSON.stringify(sums, undefined, 2)}\n`);
  await rm(prebuiltDir, { recursive: true, force: true });
  await rename(partial, prebuiltDir);
}
