import type { Paint } from './paint.js';
import { countOf } from './quantity.js';

/** Lines of a frame that stay together. `busy` ones are what a person looks for. */
export interface Block {
  readonly kind: 'head' | 'ended' | 'busy' | 'pending' | 'foot';
  readonly lines: readonly string[];
}

/**
 * The lines of a frame, at most `rows`. Where there is not enough room first the foot goes, then steps that have ended
 * and those that wait become one line each, then explanations below the steps; what still does not fit is cut at the
 * end.
 */
export function foldToHeight(blocks: readonly Block[], rows: number, paint: Paint): string[] {
  const fold = (kind: 'ended' | 'pending', what: string) => (all: readonly Block[]) => {
    const folded = all.filter((block) => block.kind === kind);
    if (folded.length < 2) return all;
    const line = paint('dim', `  ${kind === 'ended' ? '✓' : '·'} ${countOf(folded.length, 'step')} ${what}`);
    const [first] = folded;
    return all.flatMap((block) =>
      block === first ? [{ kind, lines: [line] }] : block.kind === kind ? [] : [block],
    );
  };
  const savings: ((all: readonly Block[]) => readonly Block[])[] = [
    (all) => all.filter(({ kind }) => kind !== 'foot'),
    fold('ended', 'ended'),
    fold('pending', 'to come'),
    (all) => all.map((block) => ({ ...block, lines: block.lines.slice(0, 1) })),
  ];
  let kept = blocks;
  for (const save of savings) {
    if (linesOf(kept).length <= rows) break;
    kept = save(kept);
  }
  return linesOf(kept).slice(0, rows);
}

function linesOf(blocks: readonly Block[]): string[] {
  return blocks.flatMap(({ lines }) => [...lines]);
}
