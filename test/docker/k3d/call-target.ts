import { isTracewrightError } from '../../../src/domain/failure.js';
import { preflightK3d } from '../../../src/targets/k3d/preflight.js';
import { createK3dTarget } from '../../../src/targets/k3d/target.js';
import { sharedCacheDir } from '../../support/cache.js';
import type { TargetAnswer, TargetCall } from './target.js';

/** One call of the k3d target, for `callTarget`: a process of its own, because it is to run in another network. */
const { what, environment, stateDir, settings } = JSON.parse(process.argv[2] ?? '') as TargetCall;
const variables = process.env;
const options = { environment, stateDir, cacheDir: sharedCacheDir, variables, settings, timeoutMs: 120_000 };
const target = createK3dTarget(options);

async function answer(): Promise<TargetAnswer> {
  switch (what) {
    case 'create':
      return { cluster: await target.create({ onProgress: console.error }) };
    case 'observe':
      return { state: await target.observe() };
    case 'delete':
      await target.delete();
      return {};
    case 'preflight': {
      const { cacheDir } = options;
      return {
        checks: await preflightK3d({ name: environment, settings, cacheDir, environment: variables }),
      };
    }
  }
}

const said = await answer().catch((error: unknown): TargetAnswer => {
  if (!isTracewrightError(error)) throw error;
  const { type, message, remedy, evidence } = error;
  return { failure: { type, message, remedy, evidence } };
});
console.log(JSON.stringify(said));
