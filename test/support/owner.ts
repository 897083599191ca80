import type { ProcessIdentity } from '../../src/tools/process-identity.js';
import type { ProcessOwner } from '../../src/tools/process.js';

/** An owner that only looks at what is started. */
export function onStart(started: (identity: ProcessIdentity) => void): ProcessOwner {
  return { env: {}, started, ended: () => undefined };
}
