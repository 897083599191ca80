import type { OnProgress } from './download-progress.js';

/** Where programs are looked for, kept and downloaded from. */
export interface ToolSource {
  readonly cacheDir: string;
  /** PATH, and the settings of the package clients. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Before something that takes time, and while it does. */
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a tool stands, without anything done about it. */
export interface ToolLook {
  /** Usable as it is: on PATH and new enough, or downloaded before. */
  readonly found?: ProvidedTool;
  /** On PATH, but too old. */
  readonly outdated?: ProvidedTool;
  /** The version that would be downloaded; absent where there is none for this platform. */
  readonly download?: string;
}

export interface ProvidedTool {
  /** Absolute. */
  readonly path: string;
  /** Without a leading "v". */
  readonly version: string;
  readonly source: 'path' | 'download';
}
