import { expect } from 'vitest';

/** `expect.stringContaining`, but not of the type `any`. */
export function containing(text: string): unknown {
  return expect.stringContaining(text);
}
