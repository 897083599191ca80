import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { movingKinds, passingKinds, statusReason } from '../support/cluster-snapshot.js';
import { setup } from '../support/global-setup.js';
import { keptFiles, othersReason } from './host-rows.js';
import { embeddedPart, sharedPart } from './parts.js';
import { isClean, report, type Row } from './row.js';

/**
 * The residue check: `npm run test:residue`, or with `embedded` or `shared` one part of it. A whole `up`, proof and
 * `down`, with everything that a host and a cluster hold compared before and after. Prints the difference; ends with 1
 * when there is one.
 */
const parts = { embedded: embeddedPart, shared: sharedPart };
const wanted = process.argv.slice(2);
const reason = await whyUnsupported();

if (reason !== undefined) {
  console.error(`The residue check needs the embedded cluster, which cannot run here: ${reason}`);
  process.exitCode = 1;
} else if (wanted.some((name) => !(name in parts))) {
  console.error(`There is no such part. There are: ${Object.keys(parts).join(', ')}`);
  process.exitCode = 2;
} else {
  await setup();
  const rows: Row[] = [];
  const started = performance.now();
  for (const [name, play] of Object.entries(parts))
    if (wanted.length === 0 || wanted.includes(name)) rows.push(...(await play(say)));
  const leftOut = {
    ...passingKinds,
    ...Object.fromEntries(Object.entries(movingKinds).map(([kind, why]) => [`contents of ${kind}`, why])),
    status: statusReason,
    ...Object.fromEntries(Object.entries(keptFiles).map(([file, why]) => [`state folder: ${file}`, why])),
    ...othersReason,
  };
  console.log(`\n${report(rows, leftOut)}`);
  if (!isClean(rows)) process.exitCode = 1;

  function say(text: string): void {
    const seconds = Math.round((performance.now() - started) / 1_000);
    console.log(`${String(seconds).padStart(5)} s  ${text}`);
  }
}
