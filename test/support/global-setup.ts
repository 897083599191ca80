import { buildEmbedded } from '../../src/targets/embedded/build/build.js';
import { findEmbeddedBuild } from '../../src/targets/embedded/build/store.js';
import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { ensureHostPrograms } from '../../src/targets/embedded/packages.js';
import { embeddedSourceDir } from '../../src/targets/open-target.js';
import { sharedCacheDir } from './cache.js';

/**
 * Makes sure that the tests which need a real API server or cluster find its programs: the first run on a machine
 * builds them (about ten minutes on 2 cores), later ones find them in a moment. Where the machine cannot run a cluster,
 * those tests are skipped, and this says so.
 */
export async function setup(): Promise<void> {
  const reason = await whyUnsupported();
  if (reason !== undefined) {
    console.warn(`Tests that need a cluster are SKIPPED on this machine: ${reason}`);
    return;
  }
  const say = (text: string): void => {
    console.log(`[setup] ${text}`);
  };
  await ensureHostPrograms({ onProgress: say });
  const place = { sourceDir: embeddedSourceDir, cacheDir: sharedCacheDir };
  if (await findEmbeddedBuild(place)) return;
  say('building the embedded cluster; this takes about ten minutes, once');
  let told = -5;
  await buildEmbedded({
    ...place,
    onProgress: ({ program, percent, detail }) => {
      if (percent < told + 5) return;
      told = Math.floor(percent);
      say(`${String(told)} % ${program}: ${detail}`);
    },
  });
}
