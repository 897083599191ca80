import { agoText } from '../domain/duration.js';
import type { Progress, StepProgress } from '../domain/progress.js';
import { exitCodes, type CliContext, type ExitCode } from './context.js';
import { proofLines } from './views/proof-view.js';
import { shellWord } from './views/format.js';
import type { Session } from './session.js';

/** At most so many rows of a terminal are below the frame of a blocked environment, the prompt among them. */
export const rowsBelowFrame = 10;

/** The exit code of a command that followed an environment to this end. */
export function exitCodeOfEnd({ phase }: Progress): ExitCode {
  if (phase === 'Blocked') return exitCodes.blocked;
  return phase === 'Ready' || phase === 'Removed' ? exitCodes.ok : exitCodes.failed;
}

/** What a person reads when a command that followed an environment ends. */
export function finish(context: CliContext, session: Pick<Session, 'webUi'>, progress: Progress): void {
  const { print, paint, columns } = context;
  const { environment: name, phase, proof, stoppedBecause, installTraceId } = progress;
  if (phase === 'Ready' && proof) {
    print('');
    for (const line of proofLines(proof, { paint, columns })) print(line);
  }
  print('');
  const webUi = session.webUi(name);
  switch (phase) {
    case 'Ready':
      print(`${paint('bold', name)} is ${paint('green', 'Ready')}.`);
      print('  Traces            tracewright open traces');
      if (installTraceId !== undefined)
        print(`  Install           trace ${installTraceId}, tracewright trace --install`);
      if (webUi !== undefined) print(`  Temporal Web UI   ${webUi}`);
      if (progress.cluster)
        print(`  kubectl           export KUBECONFIG=${shellWord(progress.cluster.kubeconfigPath)}`);
      print(`  Next              tracewright status · tracewright verify · tracewright down`);
      return;
    case 'Blocked':
      blockedLines(progress, Date.now()).forEach(print);
      if (webUi !== undefined) print(`  Temporal Web UI   ${webUi}`);
      return;
    default:
      // The reason may be the message of a failure, and so a sentence already.
      print(
        `${paint('bold', name)} is ${phase}${stoppedBecause === undefined ? '' : `: ${stoppedBecause.replace(/\.$/u, '')}`}.`,
      );
      if (phase === 'Stopped') print('  `tracewright up` goes on, `tracewright down` takes everything away.');
  }
}

/** Which steps wait for a decision, since when, and how to decide. Why they wait stands above. */
export function blockedLines({ environment, steps }: Progress, now: number): string[] {
  const blocked = steps.filter(({ state }) => state === 'blocked');
  const since = ({ endedAt, failure }: StepProgress): string => {
    if (endedAt === undefined) return '';
    const { attempts = 1 } = failure ?? {};
    const tried = attempts > 1 ? `, after ${String(attempts)} attempts` : '';
    return ` (since ${timeOf(endedAt)}, ${agoText(now - endedAt)}${tried})`;
  };
  const { name: first, kind } = blocked[0] ?? { name: '' };
  const commands = [
    [`tracewright retry ${first}`, 'try it again, once the cause is fixed'] as const,
    ...(kind === 'verification'
      ? [['tracewright up', 'put back what was changed by hand, and prove'] as const]
      : []),
    [`tracewright skip ${first}`, 'go on without it'] as const,
    ['tracewright down', 'take everything away'] as const,
  ];
  const columns = Math.max(...commands.map(([command]) => command.length));
  return [
    `${environment} is Blocked: ${blocked.map((step) => `${step.name}${since(step)}`).join(', ')}. It waits for you:`,
    ...commands.map(([command, means]) => `  ${command.padEnd(columns)}   ${means}`),
  ];
}

/** `14:05:31`, in the time zone of whoever reads it. */
function timeOf(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}
