import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeImage, type Layer, type LayerEntry } from '../../../../src/targets/embedded/build/image.js';

let root: string;
let program: string;
/** More than tar-stream and the file system hand over at once: several rounds of waiting for the reader. */
const contents = Buffer.alloc(3_000_001, 'tracewright');
const refs = {
  'example.org/controller:v1': { entrypoint: ['/app/controller'], user: '1000', workdir: '/' },
  'example.org/webhook:v1': { entrypoint: ['/app/webhook'], cmd: ['all'], user: '', workdir: '/data' },
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tracewright-image-'));
  program = join(root, 'program');
  await writeFile(program, contents, { mode: 0o755 });
});

afterEach(() => rm(root, { recursive: true, force: true }));

const layer = (): Layer =>
  new Map<string, LayerEntry>([
    ['/app/webhook', { kind: 'link', target: '/app/program' }],
    ['/app/program', { kind: 'file', source: program }],
    ['/data', { kind: 'folder', mode: 0o1777 }],
  ]);

async function readTar(source: Readable): Promise<Map<string, { header: Header; body: Buffer }>> {
  const entries = new Map<string, { header: Header; body: Buffer }>();
  const reader = extract();
  source.pipe(reader);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    entries.set(entry.header.name, { header: entry.header, body: Buffer.concat(chunks) });
  }
  return entries;
}

interface ImageConfig {
  architecture: string;
  os: string;
  config: { Entrypoint: string[]; Cmd?: string[]; User: string; WorkingDir: string };
  rootfs: { type: string; diff_ids: string[] };
}

describe('writeImage', () => {
  it('writes an archive that names its images, their configurations and the one layer they share', async () => {
    const path = join(root, 'image.tar');
    await writeImage(path, layer(), refs);
    const archive = await readTar(createReadStream(path));
    const text = (name: string): string => archive.get(name)?.body.toString() ?? '';
    const manifest = JSON.parse(text('manifest.json')) as {
      Config: string;
      RepoTags: string[];
      Layers: string[];
    }[];
    expect(manifest.map((image) => image.RepoTags)).toEqual([
      ['example.org/controller:v1'],
      ['example.org/webhook:v1'],
    ]);
    expect(new Set(manifest.flatMap((image) => image.Layers)).size).toBe(1);
    const layerBytes = archive.get(manifest[0]?.Layers[0] ?? '')?.body ?? Buffer.alloc(0);
    const digest = `sha256:${createHash('sha256').update(layerBytes).digest('hex')}`;
    const configs = manifest.map((image) => JSON.parse(text(image.Config)) as ImageConfig);
    for (const [index, config] of configs.entries()) {
      expect(config).toMatchObject({ os: 'linux', rootfs: { type: 'layers', diff_ids: [digest] } });
      const name = createHash('sha256')
        .update(text(manifest[index]?.Config ?? ''))
        .digest('hex');
      expect(manifest[index]?.Config).toBe(`${name}.json`);
    }
    expect(
      configs.map(({ config }) => [config.Entrypoint, config.Cmd, config.User, config.WorkingDir]),
    ).toEqual([
      [['/app/controller'], undefined, '1000', '/'],
      [['/app/webhook'], ['all'], '', '/data'],
    ]);
  });

  it('lays the files down with folders first, whole, and owned by root', async () => {
    const path = join(root, 'image.tar');
    await writeImage(path, layer(), refs);
    const archive = await readTar(createReadStream(path));
    const name = [...archive.keys()].find((key) => key.endsWith('.tar')) ?? '';
    const files = await readTar(Readable.from([archive.get(name)?.body]));
    const names = [...files.keys()].map((key) => key.replace(/\/$/u, ''));
    expect(names.indexOf('app')).toBeLessThan(names.indexOf('app/program'));
    expect(files.get('app/program')?.body.equals(contents)).toBe(true);
    expect(files.get('app/program')?.header).toMatchObject({
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtime: new Date(0),
    });
    expect(files.get('app/webhook')?.header).toMatchObject({ type: 'symlink', linkname: '/app/program' });
    expect(files.get('tmp')?.header.mode).toBe(0o1777);
    expect(files.get('etc/passwd')?.body.toString()).toContain('nonroot:x:65532');
  });

  it('makes the same bytes from the same files, whenever and by whomever they were built', async () => {
    await writeImage(join(root, 'one.tar'), layer(), refs);
    await chmod(program, 0o700);
    await utimes(program, 1_000_000, 1_000_000);
    await writeImage(join(root, 'two.tar'), new Map([...layer()].reverse()), refs);
    expect((await readFile(join(root, 'two.tar'))).equals(await readFile(join(root, 'one.tar')))).toBe(true);
    await writeFile(program, Buffer.concat([contents.subarray(1), Buffer.from('!')]));
    await writeImage(join(root, 'three.tar'), layer(), refs);
    expect((await readFile(join(root, 'three.tar'))).equals(await readFile(join(root, 'one.tar')))).toBe(
      false,
    );
  });

  it('leaves no image behind when a file cannot be read', async () => {
    const missing: Layer = new Map([['/app', { kind: 'file', source: join(root, 'missing') }]]);
    await expect(writeImage(join(root, 'image.tar'), missing, refs)).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(await readdir(root)).toEqual(['program']);
  });
});
