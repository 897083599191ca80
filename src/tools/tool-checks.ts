import type { Finding } from '../domain/check.js';
import { isCancellation, isTracewrightError, TracewrightError } from '../domain/failure.js';
import { findProgram, type ProvidedTool, type ToolLook, type ToolSource } from './find-program.js';
import { lookForHelm, minimumHelmVersion } from './helm-binary.js';
import { run } from './process.js';
import { lookForTemporal, minimumTemporalVersion } from './temporal-binary.js';

/** Whether Helm is there or can be had. Downloads nothing. @throws TracewrightError `tool.missing` */
export async function checkHelm(source: ToolSource): Promise<Finding> {
  const client = { program: 'npm', args: ['--version'] };
  const look = await lookForHelm('helm', source);
  return needed(look, { title: 'Helm', minimum: minimumHelmVersion, size: '37 MB', client }, source);
}

/** Whether the Temporal CLI is there or can be had. Downloads nothing. @throws TracewrightError `tool.missing` */
export async function checkTemporalCli(source: ToolSource): Promise<Finding> {
  const client = { program: 'python3', args: ['-m', 'pip', '--version'] };
  const look = await lookForTemporal(source);
  const tool = { title: 'the Temporal CLI', minimum: minimumTemporalVersion, size: '45 MB', client };
  return needed(look, tool, source);
}

/** `4.1.4 (/usr/bin/helm).` */
export function toolText({ version, path }: ProvidedTool): string {
  return `${version} (${path}).`;
}

interface NeededTool {
  readonly title: string;
  readonly minimum: string;
  readonly size: string;
  /** The package client that would fetch it, and a call that shows that it works. */
  readonly client: { readonly program: string; readonly args: readonly string[] };
}

async function needed(
  { found, outdated, download }: ToolLook,
  { title, minimum, size, client }: NeededTool,
  source: ToolSource,
): Promise<Finding> {
  if (found) return toolText(found);
  const why = outdated
    ? `${outdated.path} is ${outdated.version}, older than ${minimum}`
    : `${title.charAt(0).toUpperCase()}${title.slice(1)} is not on PATH`;
  const byHand = `install ${title} ${minimum} or newer, so that it is on PATH`;
  const obstacle =
    download === undefined ? 'there is none to download for this platform' : await lacks(client, source);
  if (obstacle !== undefined)
    throw new TracewrightError({
      type: 'tool.missing',
      message: `${why}, and ${obstacle}.`,
      remedy: `${byHand.charAt(0).toUpperCase()}${byHand.slice(1)}${download === undefined ? '' : `; or install ${client.program === 'npm' ? 'npm' : 'Python 3 with pip'}`}.`,
    });
  return {
    state: 'warning',
    detail: `${why}: ${String(download)} is downloaded with ${client.program === 'npm' ? 'npm' : 'pip'} first (${size}, once).`,
    remedy: `Nothing; or ${byHand}.`,
  };
}

/**
 * Why the package client cannot fetch anything, as the end of a sentence; `undefined` when nothing speaks against it.
 */
async function lacks(
  { program, args }: NeededTool['client'],
  { environment, signal }: ToolSource,
): Promise<string | undefined> {
  if ((await findProgram(program, environment['PATH'])) === undefined)
    return `there is no ${program} to download it with`;
  try {
    await run(program, args, { env: environment, timeoutMs: 15_000, signal });
    return undefined;
  } catch (error) {
    if (!isTracewrightError(error) || isCancellation(error)) throw error;
    return `${[program, ...args].join(' ')} fails, so that it cannot be downloaded`;
  }
}
