import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCatalog } from '../../../../src/targets/embedded/build/catalog.js';

const sourceDir = fileURLToPath(new URL('../../../../embedded', import.meta.url));

describe('embedded/programs.yaml', () => {
  it('is complete: every graph, patch and program that it names is there or is made', async () => {
    const catalog = await readCatalog(sourceDir);
    for (const { folder, patches } of catalog.graphs) {
      for (const file of ['go.mod', 'go.sum'])
        expect((await stat(join(sourceDir, folder, file))).isFile()).toBe(true);
      const goMod = await readFile(join(sourceDir, folder, 'go.mod'), 'utf8');
      for (const name of patches) expect(goMod).toContain(`${catalog.patches[name] ?? ''} v`);
    }
    expect((await readdir(join(sourceDir, 'patches'))).sort()).toEqual(Object.keys(catalog.patches).sort());
    const graphs = new Map(catalog.graphs.map((graph) => [graph.folder, graph]));
    const programs = [...Object.values(catalog.programs), ...catalog.images.map(({ program }) => program)];
    for (const program of programs) expect(graphs.has(program.split('/')[0] ?? '')).toBe(true);
    for (const { graph, module } of catalog.charts) {
      expect(graphs.has(graph)).toBe(true);
      expect(await readFile(join(sourceDir, graph, 'go.mod'), 'utf8')).toContain(`${module} v`);
    }
  });

  it.each([
    ['prometheus', 'kube'],
    ['operator', 'kube'],
    ['cert-manager', 'kube'],
    ['hotrod', 'tracing'],
  ])('lets %s share what %s compiled: both name the same versions', async (folder, earlier) => {
    const versions = async (folder: string): Promise<Map<string, string>> => {
      const text = await readFile(join(sourceDir, folder, 'go.mod'), 'utf8');
      const lines = text.matchAll(/^\t(\S+) (v\S+)(?: \/\/ indirect)?$/gmu);
      return new Map([...lines].map(([, module = '', version = '']) => [module, version]));
    };
    const [mine, first] = [await versions(folder), await versions(earlier)];
    const shared = [...mine.keys()].filter((module) => first.has(module));
    expect(shared.length).toBeGreaterThan(20);
    expect(shared.filter((module) => mine.get(module) !== first.get(module))).toEqual([]);
  });

  it('has one image a name', async () => {
    const { images } = await readCatalog(sourceDir);
    const refs = images.flatMap((image) => Object.keys(image.refs));
    expect(new Set(refs).size).toBe(refs.length);
    expect(new Set(images.map(({ tar }) => tar)).size).toBe(images.length);
  });

  it('runs images by names that are in them', async () => {
    const { images } = await readCatalog(sourceDir);
    for (const { path, links, refs } of images) {
      for (const { entrypoint } of Object.values(refs)) expect([path, ...links]).toContain(entrypoint[0]);
    }
  });
});
