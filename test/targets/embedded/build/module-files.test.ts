import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  addModuleFiles,
  fillChartYaml,
  joinTemplates,
  patchModule,
} from '../../../../src/targets/embedded/build/module-files.js';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tracewright-charts-'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('a chart out of a module', () => {
  it('gets both versions, and the mark that it is a release', () => {
    const template =
      'name: x\n# set by the release\nversion: v0.1.0\nappVersion: v0.1.0\nannotations:\n  pre: "{{IS_PRERELEASE}}"\n';
    expect(parse(fillChartYaml(template, 'v1.10.1'))).toEqual({
      name: 'x',
      version: 'v1.10.1',
      appVersion: 'v1.10.1',
      annotations: { pre: 'false' },
    });
  });

  it('joins documents to one template with a condition', () => {
    expect(joinTemplates(['---\na: 1\n', 'b: 2\n\n'], '.Values.installCRDs')).toBe(
      '{{- if .Values.installCRDs }}\na: 1\n---\nb: 2\n{{- end }}\n',
    );
  });

  it('gets the files that the catalog maps, beside those it has, and writable', async () => {
    const [module, chart] = [join(root, 'module'), join(root, 'chart')];
    await mkdir(join(module, 'deploy', 'templates', 'sub'), { recursive: true });
    await mkdir(join(module, 'crds'));
    await mkdir(join(chart, 'templates'), { recursive: true });
    await writeFile(join(chart, 'templates', 'ours.yaml'), 'ours');
    await writeFile(join(module, 'deploy', 'templates', 'sub', 'theirs.yaml'), 'theirs');
    await writeFile(join(module, 'deploy', 'values.yaml'), 'values');
    await writeFile(join(module, 'deploy', 'Chart.template.yaml'), 'version: v0.1.0\nappVersion: v0.1.0\n');
    for (const name of ['b', 'a']) await writeFile(join(module, 'crds', `${name}.yaml`), `name: ${name}\n`);
    await writeFile(join(module, 'crds', 'README.md'), 'no YAML');
    await chmod(join(module, 'deploy', 'values.yaml'), 0o444);
    const what = {
      chart: 'chart',
      graph: 'g',
      module: 'm',
      copy: { 'deploy/templates': 'templates', 'deploy/values.yaml': 'values.yaml' },
      chartYaml: { from: 'deploy/Chart.template.yaml', version: 'v2' },
      join: { from: 'crds', to: 'templates/crds.yaml', when: '.Values.installCRDs' },
    };
    await addModuleFiles(what, chart, module);
    // A build that goes on copies again.
    await addModuleFiles(what, chart, module);
    const read = (path: string): Promise<string> => readFile(join(chart, path), 'utf8');
    expect(await read('templates/ours.yaml')).toBe('ours');
    expect(await read('templates/sub/theirs.yaml')).toBe('theirs');
    expect(await read('Chart.yaml')).toBe('version: v2\nappVersion: v2\n');
    expect(await read('templates/crds.yaml')).toContain('name: a\n---\nname: b\n');
    expect((await stat(join(chart, 'values.yaml'))).mode & 0o200).toBe(0o200);
  });
});

const changes = `--- a/greet/greet.go
+++ b/greet/greet.go
@@ -1,3 +1,3 @@
 package greet
 
-const word = "hello"
+const word = "goodbye"
`;

describe('patchModule', () => {
  let moduleDir: string;
  let patchDir: string;
  let target: string;

  const put = async (folder: string, files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
  };
  const read = (folder: string, name: string): Promise<string> => readFile(join(folder, name), 'utf8');

  beforeEach(async () => {
    [moduleDir, patchDir, target] = [join(root, 'module'), join(root, 'patch'), join(root, 'copy')];
    await put(moduleDir, {
      'go.mod': 'module example.org/greet\n',
      'greet/greet.go': 'package greet\n\nconst word = "hello"\n',
      'greet/cloud.go': 'package greet\n\nimport _ "example.org/cloud"\n',
      'greet/testdata/large': 'x',
    });
  });

  it('lays files over a copy and changes others, and leaves the module as it is', async () => {
    await put(patchDir, { 'changes.patch': changes, 'greet/cloud.go': 'package greet\n' });
    await patchModule(moduleDir, patchDir, target);
    expect(await read(target, 'greet/greet.go')).toContain('"goodbye"');
    expect(await read(target, 'greet/cloud.go')).toBe('package greet\n');
    expect(await read(moduleDir, 'greet/greet.go')).toContain('"hello"');
    expect(await read(moduleDir, 'greet/cloud.go')).toContain('example.org/cloud');
    const [one, other] = await Promise.all([moduleDir, target].map((folder) => stat(join(folder, 'go.mod'))));
    expect(other?.ino).toBe(one?.ino);
    await expect(stat(join(target, 'greet/testdata'))).rejects.toThrow('ENOENT');
    await expect(stat(join(target, 'changes.patch'))).rejects.toThrow('ENOENT');
  });

  it('refuses a diff that does not fit, and leaves no half of a copy under its name', async () => {
    await put(moduleDir, { 'greet/greet.go': 'package greet\n\nconst word = "hi"\n' });
    await put(patchDir, { 'changes.patch': changes });
    await expect(patchModule(moduleDir, patchDir, target)).rejects.toThrow('does not fit');
    await expect(stat(target)).rejects.toThrow('ENOENT');
  });
});
