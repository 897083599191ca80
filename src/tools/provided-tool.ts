/** Where programs are looked for, kept and downloaded from. */
export interface ToolSource {
  readonly cacheDir: string;
  /** PATH, and the settings of the package clients. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** One line for a person, before something that takes time. */
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ProvidedTool {
  /** Absolute. */
  readonly path: string;
  /** Without a leading "v". */
  readonly version: string;
  readonly source: 'path' | 'download';
}
