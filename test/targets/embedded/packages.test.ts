import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  install,
  packagesFor,
  requireInstallable,
  unwritable,
} from '../../../src/targets/embedded/packages.js';
import { cniPlugins, findHostPrograms, hostPrograms } from '../../../src/targets/embedded/programs.js';
import { undoServicePolicy, withoutServiceStarts } from '../../../src/targets/embedded/service-policy.js';
import { run } from '../../../src/tools/process.js';
import { testFolder } from '../../support/folder.js';

async function program(path: string, text = '#!/bin/sh\n'): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o755);
}

async function exitCode(path: string): Promise<number> {
  try {
    await run(path, ['containerd', 'start']);
    return 0;
  } catch (error) {
    return Number(/exit code (\d+)/u.exec((error as Error).message)?.[1]);
  }
}

describe('findHostPrograms', () => {
  test('names every program that is missing, and the package that brings it', async () => {
    const { missing, cniFolder } = await findHostPrograms([], {
      folders: [await testFolder()],
      pluginFolders: [await testFolder()],
    });
    expect(missing.map(({ program: name }) => name)).toEqual([
      ...hostPrograms.map(({ program: name }) => name),
      'cni',
    ]);
    expect(packagesFor(missing)).toEqual(
      expect.arrayContaining([
        'containerd',
        'runc',
        'etcd-server',
        'iptables',
        'containernetworking-plugins',
      ]),
    );
    expect(new Set(packagesFor(missing)).size).toBe(packagesFor(missing).length);
    expect(cniFolder).toBeUndefined();
  });

  test('takes the first folder that has all plugins, and no file that cannot be executed', async () => {
    const [programs, partial, whole] = [await testFolder(), await testFolder(), await testFolder()];
    for (const { program: name } of hostPrograms) await program(join(programs, name));
    await writeFile(join(programs, 'etcd'), '', { mode: 0o644 });
    await chmod(join(programs, 'etcd'), 0o644);
    await program(join(partial, cniPlugins[0] ?? ''));
    for (const plugin of cniPlugins) await program(join(whole, plugin));
    const found = await findHostPrograms([], { folders: [programs], pluginFolders: [partial, whole] });
    expect(found.cniFolder).toBe(whole);
    expect(found.missing.map(({ program: name }) => name)).toEqual(['etcd']);
    expect(found.paths.get('runc')).toBe(join(programs, 'runc'));
  });
});

describe('what cannot be installed', () => {
  test('is named with the command that installs it, where there is no apt-get', async () => {
    const { missing } = await findHostPrograms([], {
      folders: [await testFolder()],
      pluginFolders: [await testFolder()],
    });
    const tools = { aptGet: '/nonexistent/apt-get', dpkg: '/nonexistent/dpkg' };
    await expect(requireInstallable(missing, tools)).rejects.toMatchObject({
      type: 'host.packages-missing',
      retryable: false,
      message: expect.stringContaining('containerd, ctr, containerd-shim-runc-v2, runc, etcd') as string,
      remedy: expect.stringContaining('apt-get install --no-install-recommends containerd runc') as string,
    });
  });

  test('fails with what apt-get said last, after the lists were updated and it was tried again', async () => {
    const folder = await testFolder();
    const [aptGet, dpkg, calls] = [join(folder, 'apt-get'), join(folder, 'dpkg'), join(folder, 'calls')];
    await program(dpkg, `#!/bin/sh\necho "dpkg $*" >> ${calls}\n`);
    const failing = `echo install >> ${calls}; echo 'E: Unable to locate package runc' >&2; exit 100`;
    await program(
      aptGet,
      `#!/bin/sh\ncase " $* " in *" install "*) ${failing};; esac\necho update >> ${calls}\n`,
    );
    const progress: string[] = [];
    const options = { onProgress: (text: string) => progress.push(text) };
    await expect(install(['runc'], options, { aptGet, dpkg })).rejects.toMatchObject({
      type: 'host.package-install-failed',
      message: 'apt-get could not install runc.',
      evidence: expect.arrayContaining([
        expect.stringContaining('Unable to locate package runc'),
      ]) as string[],
    });
    expect((await readFile(calls, 'utf8')).trim().split('\n')).toEqual([
      'install',
      'dpkg --configure -a',
      'update',
      'install',
    ]);
    expect(progress).toContain('Updating the package lists');
  });
});

describe('withoutServiceStarts', () => {
  const policy = async (): Promise<string> => {
    const folder = join(await testFolder(), 'sbin');
    await mkdir(folder);
    return join(folder, 'policy-rc.d');
  };

  test('forbids service starts for the time of the installation only', async () => {
    const path = await policy();
    expect(await withoutServiceStarts(() => exitCode(path), path)).toBe(101);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  test('leaves a policy that forbids them already as it is', async () => {
    const path = await policy();
    await program(path, '#!/bin/sh\nexit 101\n');
    const before = await stat(path);
    expect(await withoutServiceStarts(() => exitCode(path), path)).toBe(101);
    expect((await stat(path)).ino).toBe(before.ino);
  });

  test('puts another policy back, also when the installation fails', async () => {
    const path = await policy();
    await program(path, '#!/bin/sh\nexit 0 # somebody wants services\n');
    const failing = withoutServiceStarts(async () => {
      expect(await exitCode(path)).toBe(101);
      throw new Error('no network');
    }, path);
    await expect(failing).rejects.toThrow('no network');
    expect(await readFile(path, 'utf8')).toContain('somebody wants services');
  });

  test('puts back what a killed installation set aside', async () => {
    const path = await policy();
    await program(`${path}.tracewright-aside`, '#!/bin/sh\nexit 0 # somebody wants services\n');
    await program(
      path,
      '#!/bin/sh\n# Made by Tracewright for the time of one package installation.\nexit 101\n',
    );
    await withoutServiceStarts(() => Promise.resolve(), path);
    expect(await readFile(path, 'utf8')).toContain('somebody wants services');
    await expect(stat(`${path}.tracewright-aside`)).rejects.toThrow('ENOENT');
  });

  test.skipIf(process.getuid?.() !== 0)(
    'on a read-only /usr (needs root to mount one): nothing to undo is no failure, an installation is a typed one',
    async () => {
      const path = await policy();
      const folder = dirname(path);
      await run('mount', ['-t', 'tmpfs', '-o', 'ro', 'tracewright-test', folder]);
      try {
        await undoServicePolicy(path);
        const refused: unknown = await withoutServiceStarts(() => Promise.resolve(), path).catch(
          (error: unknown) => error,
        );
        expect(refused).toMatchObject({ code: 'EROFS' });
        expect(unwritable(['runc'], refused)).toMatchObject({ type: 'host.packages-missing' });
      } finally {
        await run('umount', [folder]);
      }
    },
  );
});
