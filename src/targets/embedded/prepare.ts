import { provideHelm } from '../../tools/helm-binary.js';
import { runTaskGroup } from '../../tools/task-group.js';
import type { CreateOptions } from '../target.js';
import type { EmbeddedPrograms } from './build/store.js';
import { ensureHostPrograms } from './packages.js';
import { providePrograms, waysToPrograms, type ProgramsQuestion } from './provide.js';

/**
 * The programs of a cluster. While they are built or downloaded, for minutes, the system packages are installed and Helm
 * is downloaded: the cluster and the steps after it would wait for them otherwise.
 * @throws TracewrightError as `providePrograms` and `ensureHostPrograms`; the first failure ends the others
 */
export async function prepareCluster(
  question: ProgramsQuestion,
  options: CreateOptions,
): Promise<EmbeddedPrograms> {
  const { have, own } = await waysToPrograms(question);
  if (have) return have;
  const { cacheDir, variables } = question;
  return runTaskGroup(options.signal, async (group) => {
    const { signal } = group;
    let programs: EmbeddedPrograms | undefined;
    // A person follows the programs; of the rest one hears when it is all that is left.
    const beside = (text: string): void => {
      if (programs) options.onProgress(text);
    };
    await group.all([
      (async () => {
        programs = await providePrograms({ ...question, signal }, options.onProgress, options.owner);
      })(),
      ensureHostPrograms({ ...options, variables, signal, onProgress: beside }, own),
      // Without it nothing is lost: the step that needs it downloads it, and says why that fails.
      provideHelm({ cacheDir, environment: variables ?? {}, signal, onProgress: beside }).catch(
        () => undefined,
      ),
    ]);
    if (!programs) throw new Error('The programs were not provided, and nothing failed.');
    return programs;
  });
}
