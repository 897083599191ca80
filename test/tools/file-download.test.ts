import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { downloadFiles, placeOf, type FileDownloadOptions } from '../../src/tools/file-download.js';
import { makeCertificates } from '../support/certificates.js';
import { startFileServer, type FileServer, type FileServerOptions } from '../support/file-server.js';
import { testFolder } from '../support/folder.js';

const content = randomBytes(300_000);
const digest = `sha512:${createHash('sha512').update(content).digest('hex')}`;

async function serve(options: Omit<FileServerOptions, 'files'> = {}): Promise<FileServer> {
  const server = await startFileServer({ files: { '/a/file': content }, ...options });
  onTestFinished(() => {
    server.close();
  });
  return server;
}

interface Try extends Partial<FileDownloadOptions> {
  readonly url: string;
  readonly folder?: string;
  readonly wanted?: string;
}

async function download({ url, folder, wanted = digest, ...options }: Try): Promise<string> {
  const path = join(folder ?? (await testFolder()), 'file');
  await downloadFiles(new Map([[path, { url, digest: wanted }]]), { variables: {}, ...options });
  return path;
}

describe('downloadFiles', () => {
  it('follows redirects, tells how far it is, and asks no second time', async () => {
    const server = await serve({ redirects: true });
    const told: [number, number | undefined][] = [];
    const folder = await testFolder();
    const url = `${server.url}/go/a/file`;
    const path = await download({ url, folder, onBytes: (...bytes) => told.push(bytes) });
    expect(await readFile(path)).toEqual(content);
    expect(told.at(-1)).toEqual([content.length, content.length]);
    const gets = (): number => server.requests.filter((it) => it.startsWith('GET')).length;
    const before = gets();
    await download({ url, folder });
    expect(gets()).toBe(before);
  });

  it('goes on where the line was cut, again and again', async () => {
    const server = await serve({ cutAfter: 120_000 });
    expect(await readFile(await download({ url: `${server.url}/a/file` }))).toEqual(content);
    expect(server.requests.filter((it) => /^GET .* bytes=\d+-$/u.test(it)).length).toBeGreaterThanOrEqual(2);
  }, 30_000);

  it('goes on with what an earlier call left, and begins anew where that was something else', async () => {
    const server = await serve();
    const folder = await testFolder();
    await writeFile(join(folder, 'file.part'), content.subarray(0, 100_000));
    await download({ url: `${server.url}/a/file`, folder });
    expect(server.requests.at(-1)).toBe('GET /a/file bytes=100000-');
    const other = await testFolder();
    await writeFile(join(other, 'file.part'), randomBytes(100_000));
    expect(await readFile(await download({ url: `${server.url}/a/file`, folder: other }))).toEqual(content);
  });

  it('gives up a line that is always cut at the same place, and keeps what came in', async () => {
    const server = await serve({ cutAfter: 120_000, ranges: false });
    const folder = await testFolder();
    await expect(download({ url: `${server.url}/a/file`, folder })).rejects.toMatchObject({
      type: 'download.failed',
      retryable: true,
    });
    expect(await readdir(folder)).toEqual(['file.part']);
  }, 60_000);

  it('keeps nothing of another file than the pinned one', async () => {
    const server = await serve();
    const folder = await testFolder();
    const wanted = `sha256:${'0'.repeat(64)}`;
    await expect(download({ url: `${server.url}/a/file`, folder, wanted })).rejects.toMatchObject({
      type: 'download.checksum-mismatch',
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('says at once that a file is not there', async () => {
    const server = await serve();
    await expect(download({ url: `${server.url}/b` })).rejects.toMatchObject({
      type: 'download.failed',
      message: expect.stringContaining('404') as string,
      retryable: false,
    });
  });

  it('tries again where nobody answers, and says which address that is', async () => {
    await expect(download({ url: 'http://127.0.0.1:1/file' })).rejects.toMatchObject({
      type: 'download.failed',
      message: expect.stringContaining('127.0.0.1:1') as string,
      retryable: true,
    });
  }, 60_000);

  it('trusts whom SSL_CERT_FILE names, and nobody else', async () => {
    const { root, intermediate, server: tls } = makeCertificates();
    const server = await serve({ tls: { key: tls.key, cert: tls.cert + intermediate } });
    const authorities = join(await testFolder(), 'ca.pem');
    await writeFile(authorities, root);
    const url = `${server.url}/a/file`;
    await download({ url, variables: { SSL_CERT_FILE: authorities } });
    await expect(download({ url })).rejects.toMatchObject({ type: 'download.failed' });
  }, 60_000);

  it('ends at once when it is cancelled', async () => {
    const server = await serve({ cutAfter: 1, ranges: false });
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort();
    }, 200);
    await expect(download({ url: `${server.url}/a/file`, signal: stop.signal })).rejects.toMatchObject({
      type: 'tool.cancelled',
    });
  });

  it('takes files from a folder that stands for their publishers', async () => {
    const from = await testFolder();
    const url = 'https://files.invalid/file';
    await expect(download({ url, from })).rejects.toMatchObject({
      type: 'download.failed',
      retryable: false,
    });
    const place = placeOf(url, from);
    expect(place).toBe(join(from, 'files.invalid', 'file'));
    await mkdir(join(from, 'files.invalid'));
    await writeFile(place, content);
    expect(await readFile(await download({ url, from }))).toEqual(content);
  });
});

describe('placeOf', () => {
  it('is below the host, as mirrors of files are laid out', () => {
    const url = 'https://dl.k8s.io/v1/x.tar.gz';
    expect(placeOf(url, undefined)).toBe(url);
    expect(placeOf(url, 'http://mirror.local/files/')).toBe(
      'http://mirror.local/files/dl.k8s.io/v1/x.tar.gz',
    );
  });
});
