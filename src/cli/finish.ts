import type { Progress } from '../domain/progress.js';
import { exitCodes, type CliContext, type ExitCode } from './context.js';
import { proofLines } from './proof-view.js';
import type { Session } from './session.js';

/** What a person reads when a command that followed an environment ends, and its exit code. */
export function finish(context: CliContext, session: Pick<Session, 'webUi'>, progress: Progress): ExitCode {
  const { print, paint } = context;
  const { environment: name, phase } = progress;
  const webUi = session.webUi(name);
  if (phase === 'Ready') {
    if (progress.proof) {
      print('');
      for (const line of proofLines(progress.proof, { paint, columns: context.columns })) print(line);
    }
    print('');
    print(`${paint('bold', name)} is ${paint('green', 'Ready')}.`);
    if (webUi !== undefined) print(`  Temporal Web UI   ${webUi}`);
    if (progress.cluster) print(`  kubectl           export KUBECONFIG=${progress.cluster.kubeconfigPath}`);
    print(`  Next              tracewright status · tracewright verify · tracewright down`);
    return exitCodes.ok;
  }
  print('');
  if (phase === 'Blocked') {
    const blocked = progress.steps.filter(({ state }) => state === 'blocked').map((step) => step.name);
    print(
      `${paint('bold', name)} is ${paint('red', 'Blocked')}: ${blocked.join(', ')}. Mend the cause, then decide:`,
    );
    print(
      `  tracewright retry ${blocked[0] ?? ''}   try it again          tracewright skip ${blocked[0] ?? ''}   go on without it`,
    );
    print(`  tracewright abort   stop here              tracewright down    take everything away`);
    if (webUi !== undefined) print(`  Temporal Web UI   ${webUi}`);
    return exitCodes.blocked;
  }
  print(
    `${paint('bold', name)} is ${phase}${progress.stoppedBecause === undefined ? '' : `: ${progress.stoppedBecause}`}.`,
  );
  if (phase === 'Stopped') print('  `tracewright up` goes on, `tracewright down` takes everything away.');
  return phase === 'Removed' ? exitCodes.ok : exitCodes.failed;
}
