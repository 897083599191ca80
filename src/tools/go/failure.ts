import { isTracewrightError, TracewrightError, type FailureType } from '../../domain/failure.js';

/** Texts of Go and of the kernel, first match wins. Only Go's text tells these apart: its exit code is 1 for all. */
const signs: readonly (readonly [FailureType, RegExp])[] = [
  ['build.disk-full', /no space left on device|disk quota exceeded/iu],
  [
    'build.registry-unreachable',
    new RegExp(
      [
        'dial tcp',
        'no such host',
        'i/o timeout',
        'connection (refused|reset)',
        'network is unreachable',
        'TLS handshake timeout',
        'proxyconnect',
        'context deadline exceeded',
        'unexpected EOF',
        // Whatever the reason of net/http is: EOF, when a server hangs up.
        'Get "https?://[^"]*": ',
        'stream error',
        'reading https?://\\S+: [45]\\d\\d ',
        'module lookup disabled by GOPROXY=off',
      ].join('|'),
      'iu',
    ),
  ],
];

const remedies: Readonly<Record<string, string>> = {
  'build.disk-full':
    'Make room in the cache folder (or point XDG_CACHE_HOME at a larger disk) and run the command again: it goes on.',
  'build.registry-unreachable':
    'Check the network and GOPROXY (`go env GOPROXY`), then run the command again: what was downloaded and compiled is kept.',
  'build.compile-failed':
    'This should not happen with the pinned versions: run the command again, and report it with the lines above if it stays.',
};

/** Lines of Go's output that are kept as evidence. */
const evidenceLines = 15;

/**
 * Says what a failed `go` command means.
 * @param error what `run` threw; cancellation and what is not a failed program pass through
 * @param what what was being built, for the message
 * @param messages Go's output without the names of packages and downloads
 */
export function goFailure(error: unknown, what: string, messages: readonly string[]): unknown {
  if (!isTracewrightError(error) || error.type !== 'tool.failed') return error;
  const said = messages.flatMap(plainMessage);
  const text = said.join('\n');
  const type = signs.find(([, sign]) => sign.test(text))?.[0] ?? 'build.compile-failed';
  const telling = said.slice(-evidenceLines);
  const last = telling.at(-1) ?? error.message;
  const summaries: Partial<Record<FailureType, string>> = {
    'build.disk-full': `The disk ran full while ${what} was built: ${last}`,
    'build.registry-unreachable': `The modules of ${what} cannot be downloaded: ${last}`,
  };
  return new TracewrightError({
    type,
    message: summaries[type] ?? `${what} does not compile: ${last}`,
    remedy: remedies[type] ?? '',
    evidence: telling,
    cause: error,
  });
}

/** With -json, `go mod download` says what went wrong inside of an object, of which the rest tells nothing. */
function plainMessage(line: string): string[] {
  const error = /^\t"Error": (".*"),?$/u.exec(line)?.[1];
  if (error !== undefined) return [JSON.parse(error) as string];
  return line.trim() === '' || /^(?:[{}]|\t"\w+": .*)$/u.test(line) ? [] : [line];
}

/** A full disk met by our own writing becomes `build.disk-full`; anything else stays what it is. */
export function diskFailure(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new TracewrightError({
    type: 'build.disk-full',
    message: `The disk of ${folder} ran full while the embedded cluster was built.`,
    remedy: remedies['build.disk-full'] ?? '',
    cause: error,
  });
}
