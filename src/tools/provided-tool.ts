/** Where programs are looked for, kept and downloaded from. */
export interface ToolSource {
  readonly cacheDir: string;
  /** PATH, and the settings of the package clients. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** One line for a person, before something that takes time. */
  readonly onProgress?: ((text: string) => void) | undefined;
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
