import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { readInstallRequest } from '../install-request.js';
import { requireFit, specOf, type UpOptions } from '../install-spec.js';

/** Installs an environment, or goes on with it, and follows it to its proof. */
export async function up(context: CliContext, options: UpOptions): Promise<ExitCode> {
  const { note } = context;
  const request = await readInstallRequest(context, options);
  const { name, machine } = request;
  await requireFit(context, request, options);
  // Loaded only now, so that a wrong call is answered at once.
  const [{ ask }, { openSession }, { applySpec }, { followToEnd }] = await Promise.all([
    import('../ask.js'),
    import('../session.js'),
    import('../environments.js'),
    import('../follow-to-end.js'),
  ]);
  // No machine becomes a worker for what another one does.
  const session = await openSession(context, { worker: machine.worker === undefined });
  try {
    const spec = await specOf(context, session, request, options);
    // Another machine works with what its worker has.
    if (!machine.worker) await session.handOver(name);
    const hostId = machine.worker?.hostId ?? session.hostId;
    const { run } = await ask(context, session, (client, updateId) =>
      applySpec(client, name, spec, hostId, updateId),
    );
    if (options.detach) {
      note(`It goes on in the background. \`tracewright status --watch --name ${name}\` follows it.`);
      return exitCodes.ok;
    }
    return await followToEnd(context, session, name, { fromRun: run, json: options.json ?? false });
  } finally {
    await session.close();
  }
}
