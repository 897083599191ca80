import { mask, redact } from '../../tools/redact.js';

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
