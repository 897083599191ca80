import type { Missing } from './part.js';

export interface IndexedFile {
  readonly path: string;
  readonly what: string;
  /** Unpacked. */
  readonly bytes: number;
}

export interface IndexFacts {
  readonly version: string;
  readonly environment: string | undefined;
  readonly madeAt: Date;
  readonly files: readonly IndexedFile[];
  readonly missing: readonly Missing[];
}

/** The first file of the archive: what is in it, and what is not and why. Markdown. */
export function indexPage({ version, environment, madeAt, files, missing }: IndexFacts): string {
  const about =
    environment === undefined ? 'No environment: this machine only.' : `Environment: ${environment}`;
  return [
    '# Tracewright diagnosis',
    `Made by Tracewright ${version} at ${madeAt.toISOString()}. ${about}`,
    'Look through it before you pass it on. What is known to be a secret, or looks like one, stands here as `[redacted]`, in its' +
      '\ncopies in base64 as well. Names stay: of paths, machines, namespaces, images.',
    'To see what happened, begin with `environment/timeline.txt`, `environment/progress.json` and `cluster/pods.json`.',
    '## Inside',
    ['| file | bytes | what |', '| --- | ---: | --- |', ...files.map(fileRow)].join('\n'),
    '## Not collected',
    missing.length === 0
      ? 'Nothing is missing.'
      : missing.map(({ what, why }) => `- not collected: ${what}, ${oneLine(why)}`).join('\n'),
    '',
  ].join('\n\n');
}

function fileRow({ path, bytes, what }: IndexedFile): string {
  return `| ${path} | ${String(bytes)} | ${what} |`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}
