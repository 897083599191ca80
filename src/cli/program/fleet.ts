import { InvalidArgumentError, Option, type Command } from 'commander';
import type { FleetOptions, FleetUpOptions } from '../commands/fleet.js';
import { targetOptions } from '../target-options.js';
import { installLife } from './install.js';
import { examples, parameterOptions, sourced, stackOption, type Wiring } from './options.js';

/** `fleet up`, `fleet status`, `fleet verify`, `fleet down` */
export function registerFleet(program: Command, { context, finish }: Wiring): void {
  program.commandsGroup('Many at once:');
  const fleet = program.command('fleet').description('many environments of one stack, side by side');

  const up = fleet
    .command('up')
    .option('-n, --name <name>', 'of the fleet; its seats are NAME-01 … (default: seat)');
  installLife(parameterOptions(sourced(targetOptions(stackOption(up)))))
    .description('make a fleet, add the seats that it lacks, or check and prove again those that it has')
    .addOption(new Option('-c, --count <number>', 'how many seats').argParser(count).makeOptionMandatory())
    .addOption(
      new Option('--parallel <number>', 'so many seats at work for the fleet at one time')
        .argParser(count)
        .default(8),
    )
    .addHelpText(
      'after',
      examples(
        'tracewright fleet up --count 30 --name seat --ttl 8h',
        'tracewright fleet up --count 30 --name seat --stack ./mine.yaml --detach',
      ),
    )
    .action(async (options: FleetUpOptions) => {
      finish(await (await import('../commands/fleet.js')).fleetUp(context, options));
    });

  named(fleet.command('status'))
    .description('all seats, a line each')
    .option('--watch', 'follow it until nothing happens any more')
    .option('--json', 'print the progress as JSON; with --watch one object a line for each event')
    .addHelpText(
      'after',
      examples('tracewright fleet status', 'tracewright fleet status --watch --name seat'),
    )
    .action(async (options: FleetOptions) => {
      finish(await (await import('../commands/fleet.js')).fleetStatus(context, options));
    });

  named(fleet.command('verify'))
    .description('prove again, with fresh rides, that the seats that are Ready work')
    .option('--json', 'print one JSON object a line for each event')
    .addHelpText('after', examples('tracewright fleet verify'))
    .action(async (options: FleetOptions) => {
      finish(await (await import('../commands/fleet.js')).fleetVerify(context, options));
    });

  named(fleet.command('down'))
    .description('take all seats away, at any moment')
    .option('--json', 'print one JSON object a line for each event')
    .addHelpText('after', examples('tracewright fleet down', 'tracewright fleet down --name seat'))
    .action(async (options: FleetOptions) => {
      finish(await (await import('../commands/fleet.js')).fleetDown(context, options));
    });
}

function named(command: Command): Command {
  return command.option('-n, --name <name>', 'the fleet (default: the only one there is)');
}

function count(value: string): number {
  if (/^[1-9]\d{0,2}$/u.test(value)) return Number(value);
  throw new InvalidArgumentError('It must be a whole number from 1 to 999.');
}
