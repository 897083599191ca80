import { InvalidArgumentError, Option, type Command } from 'commander';
import type { LogsOptions } from '../commands/logs.js';
import type { OpenOptions } from '../commands/open.js';
import type { TraceOptions } from '../commands/trace.js';
import { duration, examples, named, type Wiring } from './options.js';

/** `trace`, `open`, `logs` */
export function registerInspect(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Look inside:');

  named(program.command('trace'))
    .description(
      'draw a trace: that of the last proof, the one named, the longest that a search finds, or that of the install',
    )
    .argument('[id]', 'a trace id')
    .addOption(new Option('--longest', "the longest that the stack's TraceQL finds").conflicts('query'))
    .option('-q, --query <TraceQL>', 'list what this finds, and draw the longest')
    .option(
      '--limit <number>',
      'of a search: at most so many traces (default: 20, with --longest 200)',
      count,
    )
    .option('--since <duration>', 'of a search: how far to look back (default: 1h)', duration)
    .option('--install', 'that of the latest install or upgrade: where its time went')
    .option('--html <file>', 'write one page that needs nothing else, to send to somebody')
    .option('--force', 'write over a file that is there')
    .option('--json', 'print the trace, and what a search found, as JSON')
    .addHelpText(
      'after',
      examples(
        'tracewright trace                     # the ride of the last proof',
        'tracewright trace --longest           # the last step of the tutorial',
        'tracewright trace --install           # where the time of the install went',
        "tracewright trace --query '{ status = error }' --since 15m",
        'tracewright trace 1a0772331f3dbd39ddb12ecc4527a464 --html ride.html',
      ),
    )
    .action(async (id: string | undefined, options: TraceOptions) => {
      finish(await (await import('../commands/trace.js')).trace(context, id, options));
    });

  named(program.command('open'))
    .description('make pages of the stack reachable on this machine, until Ctrl-C')
    .argument(
      '[pages...]',
      'traces, hotrod, grafana, tempo, prometheus, temporal …; none lists what there is',
    )
    .option('--address <address>', 'the local address to listen on', '127.0.0.1')
    .option('--port <port>', 'the local port (default: that of the tutorial, or the next free one)', port)
    .option('--show-password', 'print the password of a login')
    .option('--no-browser', 'print the addresses only')
    .addHelpText(
      'after',
      examples(
        'tracewright open traces',
        'tracewright open hotrod grafana',
        'tracewright open prometheus --port 9091',
        'tracewright open temporal',
      ),
    )
    .action(async (pages: string[], options: OpenOptions) => {
      finish(await (await import('../commands/open.js')).open(context, pages, options));
    });

  named(program.command('logs'))
    .description('the logs of a component, the cluster, the worker, or the Temporal server')
    .argument('<component>', 'a component of the stack, or cluster, worker, temporal')
    .option('-f, --follow', 'go on with what is written, until Ctrl-C')
    .option('--tail <lines>', 'at most so many of the last lines of each log, or all', lines, 100)
    .option('--previous', 'of the last run of each container: why it ended')
    .option('--tool', 'what helm and other tools said when they installed it')
    .addHelpText(
      'after',
      examples(
        'tracewright logs collector --follow',
        'tracewright logs tempo --previous',
        'tracewright logs prometheus-stack --tool',
        'tracewright logs cluster --tail 20',
      ),
    )
    .action(async (component: string, options: LogsOptions) => {
      finish(await (await import('../commands/logs.js')).logs(context, component, options));
    });
}

function port(value: string): number {
  const number = /^\d{1,5}$/u.test(value) ? Number(value) : 0;
  if (number >= 1 && number <= 65_535) return number;
  throw new InvalidArgumentError('It must be a port, 1 to 65535.');
}

function lines(value: string): number {
  return value === 'all' ? Number.POSITIVE_INFINITY : count(value);
}

/** A whole number, at least 1. */
function count(value: string): number {
  if (/^[1-9]\d{0,5}$/u.test(value)) return Number(value);
  throw new InvalidArgumentError('It must be a whole number from 1 on.');
}
