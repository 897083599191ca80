import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import type { OnProgress } from '../../tools/download-progress.js';
import { provideHelm } from '../../tools/helm-binary.js';
import type { ProcessOwner } from '../../tools/process.js';
import { runTaskGroup } from '../../tools/task-group.js';
import type { CreateOptions } from '../target.js';
import { buildEmbedded } from './build/build.js';
import { checkGo } from './build/requirements.js';
import { findEmbeddedBuild, type EmbeddedPrograms } from './build/store.js';
import {
  downloadedNames,
  findKubernetes,
  provideKubernetes,
  whyNoDownload,
  type KubernetesSource,
} from './download/kubernetes.js';
import { ensureHostPrograms } from './packages.js';

/** How the programs of an embedded cluster come to this machine. */
export interface ProgramsWay {
  /** `build`: Go builds them; `download`: they come from their publishers. */
  readonly way: 'build' | 'download';
  /** Names of the programs of the host's own that come with it. */
  readonly own: readonly string[];
  /** What the cache folder has already. */
  readonly have?: EmbeddedPrograms;
}

export interface ProgramsQuestion extends KubernetesSource {
  /** Whether the cluster must have the images that are built with it. */
  readonly needsBuilt: boolean;
  /** The hash of what the cluster runs already. */
  readonly running?: string | undefined;
}

/**
 * Looks which way it is: what the cluster runs already, what is built, what was downloaded, Go, and then the download.
 * @throws TracewrightError `build.go-missing`, `build.go-too-old`
 */
export async function waysToPrograms(question: ProgramsQuestion): Promise<ProgramsWay> {
  const { cacheDir, needsBuilt, running, prebuilt, signal, variables } = question;
  const built = await findEmbeddedBuild({ sourceDir: prebuilt.sourceDir, cacheDir });
  const downloaded = needsBuilt ? undefined : await findKubernetes(question);
  // Its data may be of a newer etcd than the host's.
  if (downloaded && (!built || downloaded.hash === running))
    return { way: 'download', own: Object.keys(downloaded.programs), have: downloaded };
  if (built) return { way: 'build', own: [], have: built };
  try {
    await checkGo(signal, variables);
    return { way: 'build', own: [] };
  } catch (error) {
    if (!isTracewrightError(error) || !/^build\.go-/u.test(error.type)) throw error;
    if (needsBuilt) throw notThisStack(error);
    const reason = await whyNoDownload(question);
    if (reason !== undefined) throw noWay(error, reason);
    return { way: 'download', own: downloadedNames(question) };
  }
}

/**
 * The programs of the cluster, whichever way they come.
 * @throws TracewrightError `build.*`, `download.*`, `state.locked`, `tool.cancelled`
 */
export async function providePrograms(
  question: ProgramsQuestion,
  onProgress: OnProgress,
  owner?: ProcessOwner,
): Promise<EmbeddedPrograms> {
  const { way, have } = await waysToPrograms(question);
  return have ?? makePrograms(way, question, onProgress, owner);
}

async function makePrograms(
  way: ProgramsWay['way'],
  question: ProgramsQuestion,
  onProgress: OnProgress,
  owner?: ProcessOwner,
): Promise<EmbeddedPrograms> {
  const { cacheDir, prebuilt, signal, variables } = question;
  if (way === 'build')
    return buildEmbedded({
      sourceDir: prebuilt.sourceDir,
      cacheDir,
      variables,
      signal,
      owner,
      onProgress: ({ program, percent, detail }) => {
        onProgress(`building ${program}: ${detail}`, percent);
      },
    });
  try {
    return await provideKubernetes(question, onProgress);
  } catch (error) {
    if (!isTracewrightError(error) || !error.type.startsWith('download.')) throw error;
    throw orGo(error);
  }
}

/**
 * The programs of a cluster. While they are built or downloaded, for minutes, the system packages are installed and Helm
 * is downloaded: the cluster and the steps after it would wait for them otherwise.
 * @throws TracewrightError as `providePrograms` and `ensureHostPrograms`; the first failure ends the others
 */
export async function prepareCluster(
  question: ProgramsQuestion,
  options: CreateOptions,
): Promise<EmbeddedPrograms> {
  const { way, have, own } = await waysToPrograms(question);
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
        programs = await makePrograms(way, { ...question, signal }, options.onProgress, options.owner);
      })(),
      ensureHostPrograms({ ...options, variables, signal, onProgress: beside }, own),
      // Without it nothing is lost: the step that needs it downloads it, and says why that fails.
      provideHelm({ cacheDir, environment: variables, signal, onProgress: beside }).catch(() => undefined),
    ]);
    if (!programs) throw new Error('The programs were not provided, and nothing failed.');
    return programs;
  });
}

function notThisStack({ type, message, remedy }: TracewrightError): TracewrightError {
  return new TracewrightError({
    type,
    message: `${message} The images of this stack are built with it.`,
    remedy: `${remedy} Or take a stack whose images are pulled, where image registries and chart repositories answer: --stack current.`,
  });
}

/** What both ways lack. */
function noWay({ type, message, remedy }: TracewrightError, reason: string): TracewrightError {
  return new TracewrightError({
    type,
    message: `${message} Its programs cannot be downloaded either: ${reason}.`,
    remedy: `${remedy} Or install Tracewright as a package, which has its own programs ready, so that only the others are downloaded.`,
  });
}

/** Of a look: `reason` is the end of a sentence. */
export function noAnswer(reason: string): TracewrightError {
  return orGo(
    new TracewrightError({
      type: 'download.failed',
      message: `${reason}.`,
      remedy: 'Check the network and the proxy.',
    }),
  );
}

/** The failure of the download, with the other way. */
function orGo(error: TracewrightError): TracewrightError {
  const { type, message, remedy, retryable, evidence } = error;
  return new TracewrightError({
    type,
    message: `There is no \`go\` on PATH to build the embedded cluster, and its programs cannot be downloaded: ${message}`,
    remedy: `${remedy} Where the files lie elsewhere, name it with TRACEWRIGHT_KUBERNETES_FROM. Or install Go (https://go.dev/dl), with which they are built from modules.`,
    retryable,
    evidence,
    cause: error,
  });
}
