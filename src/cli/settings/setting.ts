/** In the order in which they are shown. */
export const settingGroups = {
  tracewright: 'Tracewright',
  temporal: 'Temporal',
  surroundings: 'What others read as well',
  environment: 'Kept from the last `up`',
} as const;

export type SettingGroup = keyof typeof settingGroups;

/** Where a value comes from. */
export type SettingOrigin =
  | { readonly kind: 'default' }
  | { readonly kind: 'variable'; readonly variable: string }
  /** A profile of Temporal's own configuration file. */
  | { readonly kind: 'profile'; readonly profile: string; readonly file: string }
  /** The last `up` of this environment. */
  | { readonly kind: 'up'; readonly environment: string };

/** One thing that can be set. Serialises to JSON, and holds no secret. */
export interface Setting {
  readonly group: SettingGroup;
  readonly name: string;
  /** What counts, or the wrong value where there is a problem; secrets are masked. Missing: nothing is set. */
  readonly value?: string;
  readonly origin: SettingOrigin;
  /** What it decides, in a few words. */
  readonly means: string;
  /** What is wrong with the value, as a sentence. */
  readonly problem?: string;
}
