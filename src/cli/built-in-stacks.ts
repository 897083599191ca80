import { fileURLToPath } from 'node:url';

/** Of this package: <package>/stacks, seen from <package>/{src,dist}/cli. */
export const builtInStacks = fileURLToPath(new URL('../../stacks', import.meta.url));
