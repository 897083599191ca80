import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/**
 * Builds what the browser gets: the page of `open traces`, and the script and style that `trace --html` puts into its
 * file. Beside them lies `bundled.json`, the packages that are in them with their licences, which want to be kept.
 */
const root = fileURLToPath(new URL('.', import.meta.url));
const dist = fileURLToPath(new URL('../dist/page', import.meta.url));
/** Folders of packages. */
const bundled = new Set();

/** @type {import('vite').InlineConfig} */
const common = {
  root,
  configFile: false,
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [
    {
      name: 'bundled',
      generateBundle(_, bundle) {
        for (const chunk of Object.values(bundle))
          for (const id of chunk.type === 'chunk' ? chunk.moduleIds : [])
            bundled.add(/^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/u.exec(id)?.[0]);
      },
    },
  ],
};

await Promise.all([
  build({
    ...common,
    // The path holds a token that no build knows.
    base: './',
    build: {
      outDir: `${dist}/app`,
      emptyOutDir: true,
      target: 'es2022',
      modulePreload: false,
      assetsInlineLimit: 0,
    },
  }),
  build({
    ...common,
    publicDir: false,
    build: {
      outDir: `${dist}/file`,
      emptyOutDir: true,
      target: 'es2022',
      // Else the script would make a style of it, which the file's policy refuses.
      cssCodeSplit: false,
      rollupOptions: {
        input: `${root}/trace/file.tsx`,
        output: { format: 'iife', entryFileNames: 'trace.js', assetFileNames: 'trace[extname]' },
      },
    },
  }),
]);

const packages = await Promise.all([...bundled].filter(Boolean).sort().map(describe));
await writeFile(`${dist}/bundled.json`, `${JSON.stringify(packages, undefined, 2)}\n`);

/** @param {string} folder of a package */
async function describe(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((it) => /^licen[cs]e/iu.test(it));
  return {
    name,
    version,
    license,
    text: file === undefined ? '' : await readFile(join(folder, file), 'utf8'),
  };
}
