import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { refusals } from '../licences/policy.js';
import { whyUnsupported } from '../src/targets/embedded/host.js';
import { testFolder } from './support/folder.js';

const unsupported = await whyUnsupported();

const check = (...args: string[]) =>
  execa('npx', ['tsx', 'licences/check.ts', ...args], { reject: false, all: true });

describe('licences', () => {
  it('are refused unless they are known to be permissive', () => {
    const component = { name: 'x', version: '1', unexplained: [] };
    const verdict = (...licences: string[]): number => refusals([{ ...component, licences }]).length;
    expect(verdict('MIT', 'Apache-2.0', 'MPL-2.0')).toBe(0);
    for (const bad of ['AGPL-3.0', 'GPL-2.0', 'LGPL-3.0', 'SSPL-1.0', 'BUSL-1.1', 'MIT OR Elastic-2.0'])
      expect(verdict('MIT', bad)).toBe(1);
    expect(verdict()).toBe(1);
    expect(refusals([{ ...component, licences: ['MIT'], unexplained: ['LICENSE'] }])).toHaveLength(1);
  });

  it('of linked modules are read from their texts, and each bad one is named', async () => {
    const build = await testFolder();
    const texts: Record<string, string | undefined> = {
      'graph/example.org/good@v1.0.0/LICENSE': await readFile('LICENSE', 'utf8'),
      'graph/example.org/affero@v1.2.0/COPYING':
        'This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.',
      'graph/example.org/odd@v0.1.0/third_party/LICENSE.txt': 'Ask my uncle first, and he may say no.',
    };
    for (const [path, text] of Object.entries(texts)) {
      await mkdir(join(build, path, '..'), { recursive: true });
      await writeFile(join(build, path), text ?? '');
    }
    await mkdir(join(build, 'graph/example.org/bare@v3.0.0'), { recursive: true });
    const before = await readFile('THIRD_PARTY.md', 'utf8');
    const { exitCode, stderr } = await check('--build', build);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/example\.org\/affero v1\.2\.0: AGPL-3\.0/u);
    expect(stderr).toContain('example.org/odd v0.1.0: LICENSE.txt holds no licence');
    expect(stderr).toContain('example.org/bare v3.0.0: has no licence');
    expect(stderr).not.toContain('example.org/good');
    expect(await readFile('THIRD_PARTY.md', 'utf8')).toBe(before);
  });

  it.skipIf(unsupported)(
    'of everything that is shipped or linked are good, and THIRD_PARTY.md lists them (needs the embedded build)',
    async () => {
      const { exitCode, all } = await check('--check');
      expect(all).toMatch(/\d{3} npm packages, \d{3} Go modules, 0 refused/u);
      expect(exitCode).toBe(0);
    },
  );
});
