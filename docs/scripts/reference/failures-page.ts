import { failureTypes, type FailureKind, type FailureType } from '../../../src/domain/failure.js';
import { generatedNote, table } from './table.js';

type Group<Type extends string = FailureType> = Type extends `${infer Name}.${string}` ? Name : never;

/** What the first half of a type is about; in the order of the page. */
const groups = {
  usage: 'The call',
  config: 'Configuration',
  stack: 'Stack files',
  lock: 'Lock files',
  environment: 'Environments',
  update: 'Decisions and requests',
  temporal: 'The Temporal server and the worker',
  payload: 'Encrypted payloads',
  worker: 'The worker',
  host: 'The machine',
  port: 'Ports',
  state: 'The state and cache folders',
  tool: 'Programs',
  download: 'Downloads',
  build: 'Building the embedded cluster',
  docker: 'Docker',
  cluster: 'The cluster',
  chart: 'Charts',
  image: 'Images',
  release: 'Helm releases',
  manifest: 'Objects',
  webhook: 'Admission webhooks',
  ready: 'Readiness',
  proof: 'The proof',
  hop: 'Broken hops of the trace',
  step: 'Steps',
  removal: 'Taking away',
  trace: 'Looking at traces',
  page: 'Opening pages',
  service: 'Services behind pages',
  log: 'Logs',
  output: 'Files that a command writes',
  internal: 'Bugs',
} satisfies Record<Group, string>;

/** docs/reference/failures.md */
export function failuresPage(): string {
  const all = Object.entries<FailureKind>(failureTypes);
  const sections = Object.entries(groups).map(([group, title]) => {
    const rows = all
      .filter(([type]) => type.startsWith(`${group}.`))
      .map(([type, kind]) => [`\`${type}\``, kind.when, retries(kind)]);
    return `## ${title}\n\n${table(['type', 'when', 'tried again'], rows)}`;
  });
  return [generatedNote('`src/domain/failure.ts`'), intro, ...sections, ''].join('\n\n');
}

const intro = `# Failure types

Every failure that Tracewright expects has a type, a message (what, where, why) and a remedy (what to do). The type stands in
brackets on the terminal, \`error [port.taken] …\`, as \`failure.type\` in \`status --json\` and in the [events](events.md), and in
the Temporal Web UI. Types are not renamed without a note in the changelog: scripts may rely on them.

"Tried again" says what happens to a step that fails so. What may pass by itself is tried again with growing pauses, until so
many attempts have failed; those that a stopped or killed worker cuts short do not count. What is left then, and what cannot pass,
**blocks** the step, until you \`retry\`, \`skip\`, \`abort\` or take it \`down\`. With \`--fail-fast\` the environment stops there
instead.`;

function retries({ retryable, attempts }: FailureKind): string {
  if (!retryable) return 'no';
  return Number.isFinite(attempts) ? `yes, up to ${String(attempts)} attempts` : 'yes';
}
