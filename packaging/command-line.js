import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, relative, sep } from 'node:path';
import { build } from 'esbuild';
import { commandLine, keptCode, load } from '../bin/load.js';

/**
 * Joins the compiled command line and its packages to one file, and keeps what V8 makes of it: Node needs most of the time
 * of a short command for finding, reading and compiling seven hundred files.
 */
const dist = dirname(commandLine);

await build({
  stdin: {
    contents: `
      export { main } from './client.js';
      export const loadAll = () => Promise.all([import('./cli/commands/status.js'), import('./cli/commands/up.js')]);`,
    resolveDir: dist,
  },
  outfile: commandLine,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  logLevel: 'warning',
  banner: {
    js: "const moduleUrl = (path) => require('node:url').pathToFileURL(require('node:path').join(__dirname, path)).href;",
  },
  plugins: [
    {
      name: 'own addresses',
      setup({ onLoad }) {
        // Modules find files of the package by their own addresses.
        onLoad({ filter: /\.js$/ }, async ({ path }) => {
          if (!path.startsWith(`${dist}${sep}`)) return undefined;
          const address = `moduleUrl(${JSON.stringify(relative(dist, path).split(sep).join('/'))})`;
          return { contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', address) };
        });
      },
    },
  ],
});

// esbuild escapes what is beyond ASCII in strings, and leaves it in comments and regular expressions, where an escape means
// the same.
const joined = await readFile(commandLine, 'utf8');
const escape = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
await writeFile(commandLine, joined.replaceAll(/[\u0080-\uffff]/g, escape));

// V8 keeps the code of functions that have run: those that define the commands, and the modules of the usual ones.
await rm(keptCode, { force: true });
const { script, exports } = load();
const write = process.stdout.write;
process.stdout.write = () => true;
await exports.main([process.execPath, 'tracewright', '--help']);
await exports.loadAll();
process.stdout.write = write;
await writeFile(keptCode, script.createCachedData());
