import { describe, expect, it } from 'vitest';
import { runGraph, type GraphNode } from '../../src/domain/plan.js';

const node = (name: string, ...needs: string[]): GraphNode => ({ name, needs });
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('runGraph', () => {
  it('starts a node the moment its needs are met, not when the whole level is', async () => {
    const log: string[] = [];
    let finishSlow: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (finishSlow = resolve));
    const done = runGraph([node('slow'), node('fast'), node('next', 'fast')], async ({ name }) => {
      log.push(name);
      if (name === 'slow') await slow;
    });
    await tick();
    expect(log).toEqual(['slow', 'fast', 'next']);
    finishSlow();
    await done;
  });

  it('runs a node that several need only once', async () => {
    const log: string[] = [];
    await runGraph([node('a', 'base'), node('b', 'base'), node('base')], ({ name }) => {
      log.push(name);
      return Promise.resolve();
    });
    expect(log).toEqual(['base', 'a', 'b']);
  });

  it('never starts what needs a failed node, lets the others end, and only then fails with the reason', async () => {
    const log: string[] = [];
    const run = async ({ name }: GraphNode): Promise<void> => {
      if (name === 'bad') throw new Error('bad failed');
      await tick();
      await tick();
      log.push(name);
    };
    await expect(runGraph([node('bad'), node('after', 'bad'), node('other')], run)).rejects.toThrow(
      'bad failed',
    );
    expect(log).toEqual(['other']);
  });
});
