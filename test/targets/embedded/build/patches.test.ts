import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { patchModule } from '../../../../src/targets/embedded/build/patches.js';
import { testFolder } from '../../../support/folder.js';

let moduleDir: string;
let patchDir: string;
let target: string;

async function put(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

const read = (folder: string, name: string): Promise<string> => readFile(join(folder, name), 'utf8');

const changes = `--- a/greet/greet.go
+++ b/greet/greet.go
@@ -1,3 +1,3 @@
 package greet
 
-const word = "hello"
+const word = "goodbye"
`;

beforeEach(async () => {
  const root = await testFolder();
  [moduleDir, patchDir, target] = [join(root, 'module'), join(root, 'patch'), join(root, 'copy')];
  await put(moduleDir, {
    'go.mod': 'module example.org/greet\n',
    'greet/greet.go': 'package greet\n\nconst word = "hello"\n',
    'greet/cloud.go': 'package greet\n\nimport _ "example.org/cloud"\n',
    'greet/testdata/large': 'x',
  });
});

describe('patchModule', () => {
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
