import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { TracewrightError } from '../../../../src/domain/failure.js';
import { acceptGoVersion, checkGo } from '../../../../src/targets/embedded/build/requirements.js';
import { testFolder } from '../../../support/folder.js';

afterEach(() => vi.unstubAllEnvs());

describe('checkGo', () => {
  it('accepts the Go of this machine', async () => {
    expect(await checkGo()).toMatch(/^\d+\.\d+/u);
  });

  it('says that Go is missing', async () => {
    vi.stubEnv('PATH', await testFolder());
    await expect(checkGo()).rejects.toMatchObject({ type: 'build.go-missing' });
  });

  it('says that Go is too old, and how new it must be', async () => {
    const root = await testFolder();
    await mkdir(join(root, 'bin'));
    await writeFile(join(root, 'bin', 'go'), '#!/bin/sh\necho go version go1.22.3 linux/amd64\n', {
      mode: 0o755,
    });
    vi.stubEnv('PATH', `${join(root, 'bin')}:/usr/bin:/bin`);
    const failure: unknown = await checkGo().catch((error: unknown) => error);
    expect(failure).toMatchObject({ type: 'build.go-too-old' });
    expect((failure as TracewrightError).message).toContain('1.22.3');
    expect((failure as TracewrightError).remedy).toContain('1.25');
  });

  it.each([
    ['go version go1.25 linux/amd64', '1.25'],
    ['go version go1.26.8 linux/arm64', '1.26.8'],
    ['go version go1.25rc1 linux/amd64', '1.25rc1'],
    ['go version go2.0 linux/amd64', '2.0'],
    ['go version devel +a1b2c3 Mon linux/amd64', 'go version devel +a1b2c3 Mon linux/amd64'],
  ])('reads %s', (output, version) => {
    expect(acceptGoVersion(output)).toBe(version);
  });
});
