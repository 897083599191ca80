import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Packs the checkout, as it is compiled. @returns the absolute path of the file */
export async function packPackage(folder: string): Promise<string> {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout } = await execa('npm', args, { cwd: root });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  return join(folder, packed?.filename ?? '');
}

/** Installs what `packPackage` made for all users of a prefix. @returns the absolute path of the program */
export async function installGlobally(file: string, prefix: string): Promise<string> {
  await execa('npm', ['install', '--global', '--prefix', prefix, '--prefer-offline', file], { cwd: prefix });
  return join(prefix, 'bin', 'tracewright');
}
