import { describe, expect, it } from 'vitest';
import { machinesOf } from '../../src/cli/worker-machines.js';

const poller = (identity: string, polledAt: number) => ({ identity, polledAt });

describe('the machines of the workers that a server knows', () => {
  it('stand in the order of their ids, each once', () => {
    const pollers = [
      poller('tracewright b 7@two', 100),
      poller('tracewright a 8@one', 40),
      poller('tracewright b 9@two', 90),
      poller('someone else', 100),
    ];
    expect(machinesOf(pollers)).toEqual([
      { hostId: 'a', name: 'one' },
      { hostId: 'b', name: 'two' },
    ]);
  });

  it('come last when others have polled since', () => {
    const pollers = [
      poller('tracewright a 1@worker-old', 1_000),
      poller('tracewright b 1@worker-new', 1_071),
    ];
    expect(machinesOf(pollers).map(({ name }) => name)).toEqual(['worker-new', 'worker-old']);
  });

  it('are none where nobody polls', () => {
    expect(machinesOf([])).toEqual([]);
  });
});
