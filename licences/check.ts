import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config.js';
import { findEmbeddedBuild } from '../src/targets/embedded/build/store.js';
import { embeddedSourceDir } from '../src/targets/open-target.js';
import { goComponents, npmComponents } from './components.js';
import { refusals, type Component } from './policy.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const file = join(root, 'THIRD_PARTY.md');

const { values } = parseArgs({
  options: {
    /** Compare THIRD_PARTY.md with what it should be, instead of writing it. */
    check: { type: 'boolean', default: false },
    /** The kept licence texts of another build than the one in the cache folder. */
    build: { type: 'string' },
  },
});

const go = await goComponents(values.build ?? (await buildLicences()));
const npm = await npmComponents(root);
const refused = refusals([...npm, ...go]);
for (const line of refused) console.error(line);
const text = report(npm, go);
const current = await readFile(file, 'utf8').catch(() => '');
const stale = values.check && text !== current;
if (stale) console.error('THIRD_PARTY.md is not what is shipped: run `npm run licences` and commit it.');
if (!values.check && refused.length === 0) await writeFile(file, text);
console.log(
  `${String(npm.length)} npm packages, ${String(go.length)} Go modules, ${String(refused.length)} refused`,
);
process.exitCode = refused.length > 0 || stale ? 1 : 0;

async function buildLicences(): Promise<string> {
  const build = await findEmbeddedBuild({ sourceDir: embeddedSourceDir, cacheDir: loadConfig().cacheDir });
  if (build) return join(build.dir, 'licences');
  throw new Error(
    'The licences of Go modules are kept by the build of the embedded cluster: run `npm start` first.',
  );
}

function report(packages: readonly Component[], modules: readonly Component[]): string {
  const table = (components: readonly Component[]): string[] => [
    '| name | version | licence |',
    '| --- | --- | --- |',
    ...components.map(({ name, version, licences }) => `| ${name} | ${version} | ${licences.join(', ')} |`),
  ];
  return [
    '# Third-party software',
    '',
    'Written by `npm run licences`, which fails where a licence is not one of those in [policy.ts](licences/policy.ts).',
    '',
    '## npm packages',
    '',
    'Installed with the package, or in its page of traces. Native programs of one of them for single platforms are under its',
    'own licence.',
    '',
    ...table(packages),
    '',
    '## Go modules',
    '',
    'Linked into the programs of the embedded cluster, which are built on the machine that runs them or, two of them, shipped ready;',
    'their licence texts are kept in the build, and beside those that are shipped. The standard library of Go, under BSD-3-Clause, is',
    'linked into each.',
    '',
    ...table(modules),
    '',
  ].join('\n');
}
