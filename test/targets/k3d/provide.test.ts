import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { provideK3d, type K3dModule } from '../../../src/targets/k3d/provide.js';
import { findProgram } from '../../../src/tools/find-program.js';
import { run } from '../../../src/tools/process.js';
import { testFolder } from '../../support/folder.js';
import { pathWithout } from '../../support/path-without.js';

const missingGo = (await findProgram('go', process.env['PATH'])) === undefined;

/** A module proxy that has one small module. @returns it, and the environment in which Go knows that proxy alone */
async function smallModule(): Promise<{
  module: K3dModule;
  environment: Readonly<Record<string, string | undefined>>;
}> {
  const folder = await testFolder();
  const at = join(folder, 'example.org', 'small', '@v');
  await mkdir(at, { recursive: true });
  const goMod = 'module example.org/small\n\ngo 1.24.0\n';
  await writeFile(join(at, 'v1.9.0.info'), '{"Version":"v1.9.0"}');
  await writeFile(join(at, 'v1.9.0.mod'), goMod);
  const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as module:
    module.writestr('example.org/small@v1.9.0/go.mod', sys.argv[2])
    module.writestr('example.org/small@v1.9.0/main.go', 'package main\\n\\nfunc main() { println("small") }\\n')`;
  await run('python3', ['-c', script, join(at, 'v1.9.0.zip'), goMod]);
  const environment = {
    ...process.env,
    PATH: await pathWithout('k3d'),
    GOPROXY: `file://${folder}`,
    GOSUMDB: 'off',
  };
  const env = { ...environment, GOMODCACHE: await testFolder(), GOFLAGS: '-modcacherw' };
  const { stdout } = await run('go', ['mod', 'download', '-json', 'example.org/small@v1.9.0'], { env });
  const { Sum } = JSON.parse(stdout) as { Sum: string };
  return { module: { path: 'example.org/small', version: '1.9.0', sum: Sum, k3s: 'none' }, environment };
}

/** The real Go, with a small module in the place of k3d's. */
describe.skipIf(missingGo)('the build of k3d (needs go on PATH)', { timeout: 240_000 }, () => {
  it('tells how far it is, and leaves the program alone', async () => {
    const { module, environment } = await smallModule();
    const cacheDir = await testFolder();
    const [texts, percents]: [string[], number[]] = [[], []];
    const onProgress = (text: string, percent?: number): void => {
      texts.push(text);
      if (percent !== undefined) percents.push(percent);
    };
    const { path } = await provideK3d({ cacheDir, environment, onProgress }, module);
    expect((await run(path, [])).stderr).toBe('small');
    expect(texts[0]).toBe('Building k3d 1.9.0 from its Go module (a few minutes, once)');
    expect(texts).toContain('building k3d: runtime');
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.at(-1)).toBeGreaterThan(80);
    expect(percents.at(-1)).toBeLessThanOrEqual(100);
    expect(await readdir(join(cacheDir, 'tools'))).toHaveLength(1);
  });

  it('refuses a module that is not the pinned one, and keeps nothing of it', async () => {
    const { module, environment } = await smallModule();
    const cacheDir = await testFolder();
    const sum = 'h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
    await expect(provideK3d({ cacheDir, environment }, { ...module, sum })).rejects.toMatchObject({
      type: 'download.checksum-mismatch',
    });
    expect(await readdir(join(cacheDir, 'tools'))).toEqual([]);
  });
});
