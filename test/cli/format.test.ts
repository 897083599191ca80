import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shellWord } from '../../src/cli/views/format.js';

test.each([
  '/plain/path-1.yaml',
  'with blanks',
  "it's",
  '$(touch no)',
  '~/home',
  '*',
  '',
  'a;b',
  '"q"\\',
  'a\nb',
  '#c',
])('a shell reads %j as it is meant', (text) => {
  const read = execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' });
  expect(read).toBe(text);
});

test('what needs no quotes gets none', () => {
  expect(shellWord('https://charts.example.com/a_b:8080')).toBe('https://charts.example.com/a_b:8080');
});
