import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { peersChart } from './chart.js';
import { markdownTable, recoveredMs, tableOf, undisturbedMs, type Measured } from './figures.js';

const root = resolve(import.meta.dirname, '../..');
const [begins, ends] = ['<!-- bench:peers writes from here -->', '<!-- to here -->'];
const before = '## Compared with others';

/** How it was measured, in words for readers: date and machine. */
export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  readonly rounds: number;
}

/** Writes the chart, and the section of README.md between its marks. */
export async function writeReadme(all: readonly Measured[], circumstances: Circumstances): Promise<void> {
  const bars = all.map((measured) => ({
    title: measured.contender.title,
    undisturbed: undisturbedMs(measured),
    killed: recoveredMs(measured),
  }));
  const title = 'From a ready cluster to the first trace';
  await writeFile(join(root, 'docs', 'images', 'peers.svg'), peersChart(bars, title));
  const path = join(root, 'README.md');
  const text = withSection(await readFile(path, 'utf8'), sectionOf(all, circumstances));
  await writeFile(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}

/** The text with another section between the marks; where it has none yet, before what compares by words. */
export function withSection(text: string, section: string): string {
  const marked = `${begins}\n\n${section}\n\n${ends}`;
  const [from, until] = [text.indexOf(begins), text.indexOf(ends)];
  if (from >= 0 && until > from) return text.slice(0, from) + marked + text.slice(until + ends.length);
  if (!text.includes(before)) throw new Error(`README.md has neither the marks nor "${before}".`);
  return text.replace(before, () => `${marked}\n\n${before}`);
}

function sectionOf(all: readonly Measured[], { date, machine, rounds }: Circumstances): string {
  return `## Beside its peers

The same charts and images, each time on a fresh embedded cluster that has its images loaded: one run of \`npm run bench:peers\` on ${date}
(${machine}; ${rounds === 1 ? 'one round' : `medians of ${String(rounds)} rounds`}). In brackets: Tracewright = 1.

![Bars: time to the first trace by contender, undisturbed and killed in the middle](docs/images/peers.svg)

${markdownTable(tableOf(all))}

A trace counts when a ride that the bench takes is found in the store by its id, with all its services. A contender's processes are
all that it starts: Tracewright's are the command, the worker, the Temporal server and Helm. Killed means all of them at once, with
SIGKILL, when the operator's Deployment is there and not ready; then the same command runs again. Helm that is killed at work leaves
its release pending, and refuses to touch it until somebody uninstalls it; Tracewright does that by itself.

What the others run is in [bench/peers](bench/peers): helmfile's graph with its waits, the tutorial's commands with
\`kubectl rollout status\`, and the same as background jobs of a shell script.`;
}
