import { setMaxListeners } from 'node:events';

/**
 * A signal that fires with the first of these, for many requests at once: they all listen to it, and Node takes more than
 * ten listeners for a leak.
 */
export function sharedSignal(...signals: readonly AbortSignal[]): AbortSignal {
  const shared = AbortSignal.any([...signals]);
  setMaxListeners(0, shared);
  return shared;
}
