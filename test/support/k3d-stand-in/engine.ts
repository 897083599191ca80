import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** What the stand-ins for docker and k3d share: a file, in place of an engine. */
export interface Engine {
  docker: 'up' | 'down' | 'forbidden';
  /** What goes wrong with the next command that it is about; it happens once. */
  scenario: Scenario | null;
  containers: EngineContainer[];
  networks: { name: string; labels: Record<string, string> }[];
  volumes: { name: string; labels: Record<string, string> }[];
  /** Where it keeps its images. */
  rootDir: string;
  /** It answers as Podman does under the name docker. @default false */
  isPodman?: boolean;
  /** Of the context in use. @default that of Docker on Linux */
  endpoint?: string;
  /** Of the cluster that is handed out as the one in the containers. */
  kubeconfig: string;
  /** Every command that was run, in order. */
  calls: string[];
}

export type Scenario =
  | 'port-in-use'
  | 'dies-half-way'
  | 'hangs'
  | 'times-out'
  | 'too-many-files'
  | 'no-image'
  | 'disk-full'
  | 'start-fails'
  | 'delete-leaves-network';

export interface EngineContainer {
  name: string;
  image: string;
  labels: Record<string, string>;
  status: string;
  startedAt: string;
  restarts: number;
  ports: Record<string, { HostIp: string; HostPort: string }[]>;
  log: string;
}

/** Docker's time of what never happened. */
export const never = '0001-01-01T00:00:00Z';

export function readEngine(path: string): Engine {
  const calls = existsSync(callsPath(path)) ? readFileSync(callsPath(path), 'utf8') : '';
  const engine = JSON.parse(readFileSync(path, 'utf8')) as Omit<Engine, 'calls'>;
  return { ...engine, calls: calls.split('\n').slice(0, -1) };
}

export function writeEngine(path: string, { calls: _, ...engine }: Engine): void {
  const prepared = `${path}.${String(process.pid)}`;
  writeFileSync(prepared, JSON.stringify(engine, null, 2));
  renameSync(prepared, path);
}

/** In a file of its own: commands that only look run side by side, and must not undo what another one changes. */
const callsPath = (path: string): string => `${path}.calls`;

/** What docker 28 and k3d 5.8.3 say of an engine that cannot be used; undefined when it can. */
export function engineTrouble({ docker }: Engine): string | undefined {
  if (docker === 'up') return undefined;
  return docker === 'down'
    ? 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?'
    : 'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock';
}

/** The engine's file, which the wrapper of each stand-in gives as its first argument, and the arguments of the user. */
export function called(program: string): { path: string; engine: Engine; args: string[] } {
  const [, , path = '', ...args] = process.argv;
  appendFileSync(callsPath(path), `${[program, ...args].join(' ')}\n`);
  return { path, engine: readEngine(path), args };
}
