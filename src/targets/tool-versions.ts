import { readFile } from 'node:fs/promises';
import { check, type Check, type Finding } from '../domain/check.js';
import { TracewrightError } from '../domain/failure.js';
import { findProgram, isAtLeast, type ToolSource } from '../tools/find-program.js';
import { withoutTelemetry } from '../tools/go/go.js';
import { lookForHelm } from '../tools/helm-binary.js';
import { run } from '../tools/process.js';
import { lookForTemporal } from '../tools/temporal-binary.js';
import { checkTemporalCli, toolText } from '../tools/tool-checks.js';
import { findK3d } from './k3d/provide.js';

type Versions = Readonly<Record<string, (source: ToolSource) => Promise<string | undefined>>>;

/** What each tool that we know how to use says of itself, as a sentence; `undefined` where it is not there. */
const versions: Versions = {
  helm: async (source) => ofTool((await lookForHelm('helm', source)).found),
  kubectl: async (source) => ofTool((await lookForHelm('kubectl', source)).found),
  temporal: async (source) => ofTool((await lookForTemporal(source)).found),
  docker: (source) => asked('docker', ['--version'], source),
  k3d: async (source) => {
    const found = await findK3d(source);
    return typeof found === 'object' ? ofTool(found) : undefined;
  },
  go: (source) =>
    asked('go', ['version'], { ...source, environment: { ...source.environment, ...withoutTelemetry } }),
  python3: (source) => asked('python3', ['--version'], source),
};

/** Who would miss it, as the end of a sentence, where no check demands it. */
const wantedFor: Readonly<Record<string, string>> = {
  helm: 'only the machine that does the work needs it',
  kubectl: 'only people use it',
  temporal: 'only the embedded server needs it',
  docker: 'only the target k3d needs it',
  k3d: 'only the target k3d needs it',
  go: 'only builds need it',
  python3: 'only the download of the Temporal CLI needs it',
};

/**
 * The tools of this machine, a line each: with their versions, and with what the checks of the target demand of them.
 * @param machine the checks of the target; those that bear the name of a tool are taken up here
 * @param startsServer whether the embedded Temporal server is to run here
 */
export async function toolVersions(
  source: ToolSource,
  machine: readonly Check[],
  startsServer: boolean,
): Promise<Check[]> {
  const demanded = (name: string): Check | undefined => machine.find((it) => it.name === name);
  const ofTemporal = startsServer
    ? check('temporal', () => checkTemporalCli(source))
    : toolCheck('temporal', source, undefined);
  const others = Object.keys(versions).filter((name) => name !== 'temporal');
  return Promise.all([
    check('node', nodeVersion),
    ofTemporal,
    ...others.map((name) => toolCheck(name, source, demanded(name))),
  ]);
}

async function toolCheck(name: string, source: ToolSource, demand: Check | undefined): Promise<Check> {
  if (demand && demand.state !== 'ok') return demand;
  const version = await versions[name]?.(source);
  const note = demand?.detail.startsWith('Not needed') ? ` ${demand.detail}` : '';
  const detail = `${version ?? `Not on PATH; ${wantedFor[name] ?? 'nothing needs it'}.`}${note}`;
  return { name, state: 'ok', detail };
}

function ofTool(tool: Parameters<typeof toolText>[0] | undefined): string | undefined {
  return tool && toolText(tool);
}

/** The version that the program prints, and where it lies. */
async function asked(
  program: string,
  args: readonly string[],
  { environment, signal }: ToolSource,
): Promise<string | undefined> {
  const path = await findProgram(program, environment['PATH']);
  if (path === undefined) return undefined;
  const said = await run(path, args, { env: environment, timeoutMs: 10_000, signal }).catch(() => undefined);
  const version = /\d+\.\d+(?:\.\d+)?/u.exec(said?.stdout ?? '')?.[0];
  return `${version ?? 'Does not tell its version'} (${path}).`;
}

/** @throws TracewrightError `tool.missing` */
async function nodeVersion(): Promise<Finding> {
  const { engines } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string };
  };
  const [, minimum = '0'] = /^>=(.+)$/u.exec(engines.node) ?? [];
  const detail = toolText({ version: process.versions.node, path: process.execPath, source: 'path' });
  if (isAtLeast(process.versions.node, minimum)) return detail;
  throw new TracewrightError({
    type: 'tool.missing',
    message: `Node.js ${detail} Tracewright needs ${minimum} or newer.`,
    remedy: `Install Node.js ${minimum} or newer (https://nodejs.org).`,
  });
}
