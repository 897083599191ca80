import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../src/domain/progress.js';
import { provideTemporal } from '../../src/tools/temporal-binary.js';
import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { sharedCacheDir } from '../support/cache.js';
import { useSmallEnvironment } from './small-environment.js';
import { cli, type CliRun } from './support.js';

const run = promisify(execFile);
const key = (id: string): string => `${id} ${randomBytes(32).toString('base64')}\n`;

/** Real server, real worker: what an operator of the server sees, and what a shell with the keys does. */
describe.skipIf((await whyUnsupported()) !== undefined)('payload keys', { timeout: 240_000 }, () => {
  const small = useSmallEnvironment();
  const { folder } = small;
  const keys = join(folder, 'keys');
  const shell = (...args: string[]): Promise<CliRun> =>
    cli(folder, args, { env: { ...small.env, TRACEWRIGHT_PAYLOAD_KEYS: keys } });
  const progress = async (): Promise<Progress> =>
    JSON.parse((await shell('status', '--json')).stdout) as Progress;
  let address: string;
  let temporal: string;
  /** All that the server would show of it. */
  const seen = async (...command: string[]): Promise<string> => {
    const args = ['--workflow-id', 'environment-small', '--address', address, '--output', 'json'];
    return (await run(temporal, ['workflow', ...command, ...args], { maxBuffer: 2 ** 26 })).stdout;
  };

  beforeAll(async () => {
    temporal = (await provideTemporal({ cacheDir: sharedCacheDir, environment: process.env })).path;
    await writeFile(keys, key('old'));
    const started = await shell('up', '--stack', 'small.yaml', '--detach', '--name', 'small');
    expect(started.exitCode, started.errors.join('\n')).toBe(0);
    const record = JSON.parse(await readFile(join(folder, 'state/temporal/server.json'), 'utf8')) as {
      data: { port: number };
    };
    address = `127.0.0.1:${String(record.data.port)}`;
  });

  it('keep the stack and the progress from the server, and show them to who has the keys', async () => {
    await expect.poll(progress, { timeout: 60_000 }).toMatchObject({ environment: 'small', stack: 'small' });
    const history = await seen('show');
    expect([...encodingsOf(JSON.parse(history))]).toEqual(['binary/encrypted']);
    expect(history).not.toMatch(/One object|ConfigMap/u);
  });

  it('keep why a step fails from the server, too', async () => {
    small.proxy.close();
    let stdout = '';
    const said = async (): Promise<string> => ({ stdout } = await shell('status')).stdout;
    await expect.poll(said, { timeout: 120_000 }).toMatch(/The modules of .*cannot be downloaded/u);
    const [message = ''] = /The modules of .*?cannot be downloaded/u.exec(stdout) ?? [];
    const raw = (await seen('describe')) + (await seen('show'));
    expect(raw).toContain('"encodedAttributes"');
    expect(raw).not.toContain(message);
  });

  it('are missed by a shell without them, which is told so', async () => {
    expect(await small.command('status')).toMatchObject({
      exitCode: 1,
      errors: expect.arrayContaining([
        expect.stringContaining('[payload.undecodable]') as string,
      ]) as string[],
    });
  });

  it('may be rotated while the environment lives', async () => {
    await writeFile(keys, key('new') + (await readFile(keys, 'utf8')));
    const extended = await shell('extend', '2h');
    expect(extended.exitCode, extended.errors.join('\n')).toBe(0);
    expect((await progress()).steps.length).toBeGreaterThan(0);
    expect(await seen('show')).toContain(`"${Buffer.from('new').toString('base64')}"`);
  });
});

/** Of all payloads but the search attributes, which the server has to read, and the markers of the SDK (names of patches). */
function encodingsOf(value: unknown): Set<string> {
  if (typeof value !== 'object' || value === null) return new Set();
  const { metadata } = value as { metadata?: { encoding?: string } };
  if (typeof metadata?.encoding === 'string')
    return new Set([Buffer.from(metadata.encoding, 'base64').toString('utf8')]);
  const parts = Object.entries(value).filter(
    ([name]) => !['searchAttributes', 'markerRecordedEventAttributes'].includes(name),
  );
  return new Set(parts.flatMap(([, part]) => [...encodingsOf(part)]));
}
