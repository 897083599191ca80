import { basename } from 'node:path';
import type { Blow } from '../faults/scenario.js';
import { DockerEngine, type EngineOptions } from '../support/docker/engine.js';
import { differences, snapshotHost } from '../support/host-snapshot.js';
import type { Playable } from '../support/suite.js';

/** Something that is played on a real Docker engine; each blow in it becomes a row of the table. */
export type DockerScenario = Playable;

/** What a scenario works with. */
export interface Scene {
  readonly engine: DockerEngine;
  /** Tells of one thing that was done and how long it took to be well again: a row. */
  readonly dealt: (blow: Blow) => void;
  /**
   * Plays one thing and tells of it: what it throws becomes the note of a row that did not survive.
   * @returns whether it survived
   */
  readonly blow: (what: string, play: () => Promise<string | undefined>) => Promise<boolean>;
  /** Adds to what was done twice; it counts for every row of the scenario. */
  readonly doubled: (facts: readonly string[]) => void;
  /** Adds to what ran at the same time and must not; as `doubled`. */
  readonly overlapped: (facts: readonly string[]) => void;
  /** Adds to what is left; what the engine still has at the end, and the host after it, is added by itself. */
  readonly residue: (facts: readonly string[]) => void;
}

/** A scenario in an engine of its own, which must be empty again at the end, but for its images. */
export function onEngine(
  name: string,
  play: (scene: Scene) => Promise<void>,
  options: EngineOptions = {},
): DockerScenario {
  return {
    name,
    play: async (say) => {
      const blows: Blow[] = [];
      const [doubled, overlaps, residue]: [string[], string[], string[]] = [[], [], []];
      const dealt = (it: Blow): void => {
        blows.push(it);
        const result = it.recoveredMs === undefined ? 'NO' : `${(it.recoveredMs / 1_000).toFixed(1)} s`;
        say(`${name}: ${it.what}: ${result}${it.note === undefined ? '' : ` (${it.note})`}`);
      };
      const blow: Scene['blow'] = async (what, once) => {
        const started = performance.now();
        try {
          const note = await once();
          dealt({ what, recoveredMs: performance.now() - started, ...(note !== undefined && { note }) });
          return true;
        } catch (error) {
          dealt({ what, note: whyOf(error) });
          return false;
        }
      };
      const before = await snapshotHost();
      const engine = await DockerEngine.open(options);
      try {
        const empty = await engine.contents();
        await play({
          engine,
          dealt,
          blow,
          doubled: (facts) => doubled.push(...facts),
          overlapped: (facts) => overlaps.push(...facts),
          residue: (facts) => residue.push(...facts),
        });
        residue.push(...differences(empty, await engine.contents()).filter((fact) => fact.startsWith('+ ')));
      } catch (error) {
        dealt({ what: 'the scenario as a whole', note: whyOf(error) });
      } finally {
        await engine.close();
        residue.push(...(await leftOf(engine, before)));
      }
      return blows.map((it) => ({ ...it, scenario: name, doubled, overlaps, residue }));
    },
  };
}

/** What of the engine is still on the host: other facts of a machine that is busy otherwise are not the engine's. */
async function leftOf({ folder }: DockerEngine, before: ReadonlySet<string>): Promise<string[]> {
  const added = differences(before, await snapshotHost()).filter((fact) => fact.startsWith('+ '));
  // Its control groups are called as the folder is.
  return added.filter((fact) => fact.includes(basename(folder)) || /\/etc\/docker|\/opt\//u.test(fact));
}

/** With the causes and what the tool said. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { evidence = [] } = error as { evidence?: readonly string[] };
  const own = [error.message, ...evidence].join('\n');
  return error.cause === undefined ? own : `${own}: ${whyOf(error.cause)}`;
}
