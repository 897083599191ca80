import { join, resolve } from 'node:path';
import { isTracewrightError } from '../../src/domain/failure.js';
import { run } from '../../src/tools/process.js';

const sources = resolve(import.meta.dirname, '../../embedded');

/**
 * Runs `go test` in a folder below embedded/, with Go's own caches.
 * @throws an Error with the lines of the failed tests
 */
export async function goTest(folder: string): Promise<void> {
  try {
    const env = { GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off', CGO_ENABLED: '0' };
    await run('go', ['test', './...'], { cwd: join(sources, folder), env });
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    throw new Error([error.message, ...error.evidence].join('\n'), { cause: error });
  }
}
