import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Trace } from '../../src/domain/trace.js';
import type { FailureAnswer, PageFacts } from '../../src/page/wire.js';
import { client, failureOf } from './client.js';

interface RideProps {
  readonly customers: PageFacts['customers'];
  readonly onTrace: (trace: Trace) => void;
  readonly onFailure: (failure: FailureAnswer | undefined) => void;
}

/** Sends HotROD a request for a customer, and opens its trace when all of it is there. */
export function TakeRide({ customers, onTrace, onFailure }: RideProps): JSX.Element {
  const [customer, setCustomer] = useState(customers[0]?.id ?? 0);
  const [doing, setDoing] = useState('');
  const ride = async (): Promise<void> => {
    onFailure(undefined);
    setDoing('HotROD looks for a driver …');
    try {
      const { traceId, driver } = await client.ride(customer);
      setDoing(`Driver ${driver} is on the way; the trace comes …`);
      onTrace(await client.rideTrace(traceId));
    } catch (error) {
      onFailure(failureOf(error));
    } finally {
      setDoing('');
    }
  };
  return (
    <div class="ride" role="group" aria-label="Take a ride">
      <span class="note" role="status">
        {doing}
      </span>
      <select
        aria-label="Customer"
        value={String(customer)}
        onChange={(event) => {
          setCustomer(Number(event.currentTarget.value));
        }}
      >
        {customers.map(({ id, name }) => (
          <option key={id} value={String(id)}>
            {name}
          </option>
        ))}
      </select>
      <button
        class="primary"
        disabled={doing !== ''}
        onClick={() => {
          void ride();
        }}
      >
        Take a ride
      </button>
    </div>
  );
}
