import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { environmentWorkflowId } from '../domain/names.js';
import { continuedRunId, installRuns, type InstallRun } from './history.js';

/**
 * The latest install of an environment, as the history of its workflow tells, or that of a run which this one continues.
 * @param runId of the workflow @default the latest
 * @returns undefined where the server has no history of an install any more
 * @throws WorkflowNotFoundError when the server does not know the workflow, and what the server says
 */
export async function latestInstall(
  client: Client,
  environment: string,
  runId?: string,
): Promise<InstallRun | undefined> {
  const handle = client.workflow.getHandle(environmentWorkflowId(environment), runId);
  const history = await handle.fetchHistory();
  const run = (await installRuns(history, client.options.loadedDataConverter)).at(-1);
  const earlier = continuedRunId(history);
  if (run || earlier === undefined) return run;
  try {
    return await latestInstall(client, environment, earlier);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
