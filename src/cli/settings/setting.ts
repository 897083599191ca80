import { mask, redact } from '../../tools/redact.js';

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

/**
 * A value as it may be shown: without the credentials of URLs (of proxies, registries, engines) and without anything
 * else that looks like a secret. Who stands before the `@` of an `ssh://` address without a password stays.
 */
export function maskValue(value: string): string {
  return redact(
    value
      .split(/([\s,|]+)/u)
      .map(withoutCredentials)
      .join(''),
  );
}

/** A name without a password may be a token. Up to the last `@`: passwords may hold others, and slashes. */
function withoutCredentials(part: string): string {
  if (/^ssh:\/\/[^:@/]+@/u.test(part)) return part;
  return part.replace(
    /^([a-z][\w+.-]*:\/\/)?[^@]*.*@/iu,
    (_, scheme: string | undefined) => `${scheme ?? ''}${mask}@`,
  );
}
