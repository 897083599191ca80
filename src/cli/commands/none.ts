import { TracewrightError } from '../../domain/failure.js';

/** There is nothing that a command could be about: no server of ours runs, so no environment lives. */
export function noEnvironment(): TracewrightError {
  return new TracewrightError({
    type: 'environment.not-found',
    message: 'There is no environment.',
    remedy: 'Start one with `tracewright up`.',
  });
}
