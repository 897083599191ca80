import type { Moment, Screen } from './recorder.js';

export interface Frame {
  readonly screen: Screen;
  /** Milliseconds for which it is shown. */
  readonly shows: number;
}

export interface PickOptions {
  /** At most so many frames, the last one included. */
  readonly frames: number;
  /** How much faster than it was. */
  readonly speed: number;
  /** Milliseconds of the last frame, before it begins again. */
  readonly rest: number;
}

/** The longest and shortest time for which a frame may be shown, in milliseconds. */
const [shortest, longest] = [350, 1_600];

/**
 * A few frames that tell the story: those in which something happened but time going by. The last one is always there.
 */
export function pickFrames(moments: readonly Moment[], { frames, speed, rest }: PickOptions): Frame[] {
  const last = moments.at(-1);
  if (!last) return [];
  const end = storyOf(last.screen);
  const news = moments.filter(({ screen }, index) => {
    const story = storyOf(screen);
    return story !== end && (index === 0 || story !== storyOf(moments[index - 1]?.screen ?? []));
  });
  const kept = thinned(news, frames - 1, shortest * speed);
  return [
    ...kept.map(({ at, screen }, index) => {
      const lasted = ((kept[index + 1] ?? last).at - at) / speed;
      return { screen, shows: Math.round(Math.min(longest, Math.max(shortest, lasted))) };
    }),
    { screen: last.screen, shows: rest },
  ];
}

/** What a screen says, without digits and signs that move. */
function storyOf(screen: Screen): string {
  const text = screen.map((runs) => runs.map((run) => run.text).join(' ')).join('\n');
  return text.replace(/[\d.]+|\p{Script=Braille}/gu, '');
}

/** At most `count`, none sooner than `gap` ms after the one before. */
function thinned(moments: readonly Moment[], count: number, gap: number): Moment[] {
  const spaced: Moment[] = [];
  for (const moment of moments) {
    const before = spaced.at(-1);
    // Of several at once the last: it shows what came of them.
    if (before && moment.at - before.at < gap) spaced[spaced.length - 1] = { ...moment, at: before.at };
    else spaced.push(moment);
  }
  const step = Math.max(1, spaced.length / count);
  return Array.from({ length: Math.min(count, spaced.length) }, (_, index) => {
    return spaced[Math.floor(index * step)] as Moment;
  });
}
