import { expect, test } from 'vitest';
import { pickFrames } from '../../docs/scripts/pick-frames.js';
import { Recorder, type Screen } from '../../docs/scripts/recorder.js';
import { svgOf } from '../../docs/scripts/svg.js';

const screen = (text: string): Screen => [[{ column: 0, text }]];

test('a recorded terminal remembers what it showed, in which colours, also where it was drawn again', async () => {
  const recorder = new Recorder(20, 4);
  recorder.write('$ up\r\n\u001b[32m✓\u001b[39m \u001b[1mtempo\u001b[22m\r\n');
  recorder.write('\u001b[1A\r\u001b[2mgone\u001b[22m\u001b[K');
  const moments = await recorder.end();
  expect(moments[0]?.screen.slice(0, 2)).toEqual([
    [{ column: 0, text: '$ up' }],
    [
      { column: 0, text: '✓', color: 2 },
      { column: 2, text: 'tempo', bold: true },
    ],
  ]);
  expect(moments[1]?.screen[1]).toEqual([{ column: 0, text: 'gone', dim: true }]);
});

test('frames are what happened, not how time went by, and the last one always', () => {
  const moments = [
    { at: 0, screen: screen('⠋ tempo 1.0 s') },
    { at: 5_000, screen: screen('⠙ tempo 6.0 s') },
    { at: 9_000, screen: screen('✓ tempo 9.9 s') },
    { at: 9_100, screen: screen('✓ tempo 9.9 s, Ready') },
  ];
  const frames = pickFrames(moments, { frames: 10, speed: 10, rest: 3_000 });
  expect(frames.map((it) => it.screen[0]?.[0]?.text)).toEqual([
    '⠋ tempo 1.0 s',
    '✓ tempo 9.9 s',
    '✓ tempo 9.9 s, Ready',
  ]);
  expect(frames.map(({ shows }) => shows)).toEqual([900, 350, 3_000]);
  const many = Array.from({ length: 100 }, (_, at) => ({
    at: at * 10_000,
    screen: screen('x'.repeat(at + 1)),
  }));
  expect(pickFrames(many, { frames: 8, speed: 1, rest: 1 })).toHaveLength(8);
});

test('the SVG shows the last frame where nothing moves, and takes no text for markup', () => {
  const svg = svgOf(
    [
      { screen: screen('one'), shows: 400 },
      { screen: screen('<two> & "three"'), shows: 600 },
    ],
    { columns: 20, title: 'up' },
  );
  expect(svg).toContain('&#60;two&#62; &#38; &#34;three&#34;</text>');
  expect(svg).toContain('<g class="f f1 last">');
  expect(svg).toContain('.last{visibility:visible}');
  expect(svg).toContain(
    '@keyframes k1{0%{visibility:hidden}40.00%{visibility:visible}100.00%{visibility:visible}}',
  );
});
