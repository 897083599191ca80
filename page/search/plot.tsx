import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { formatMs } from '../../src/domain/duration.js';
import type { SearchHit } from '../../src/domain/proof.js';
import type { Range } from '../app/address.js';
import { plotOf, startMsOf, timeLines } from './scale.js';

interface PlotProps {
  readonly hits: readonly SearchHit[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly onOpen: (traceId: string) => void;
  readonly onRange: (range: Range) => void;
}

/**
 * Duration over time, a sign a trace: a dot, or a cross where it has errors. Dragged over, it shows that part of the time. The
 * table says the same to whoever does not see it.
 */
export function Plot({ hits, fromMs, toMs, onOpen, onRange }: PlotProps): JSX.Element {
  const { points, levels } = plotOf(hits, fromMs, toMs);
  const [drag, setDrag] = useState<{ readonly from: number; readonly to: number }>();
  const at = (event: PointerEvent): number => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  };
  const time = (part: number): number => fromMs + part * (toMs - fromMs);
  const left = (part: number): string => `${(part * 100).toFixed(2)}%`;
  return (
    <div class="plot" aria-hidden="true">
      <div class="levels">
        {levels.map(({ ms, y }) => (
          <span key={ms} style={{ bottom: left(y) }}>
            {ms >= 1_000 ? `${String(ms / 1_000)} s` : `${String(ms)} ms`}
          </span>
        ))}
      </div>
      <div
        class="field"
        onPointerDown={(event) => {
          if ((event.target as HTMLElement).closest('button')) return;
          (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
          setDrag({ from: at(event), to: at(event) });
        }}
        onPointerMove={(event) => {
          if (drag) setDrag({ ...drag, to: at(event) });
        }}
        onPointerUp={() => {
          if (drag && Math.abs(drag.to - drag.from) > 0.01) {
            const [first, last] = [drag.from, drag.to].map(time).sort((a, b) => a - b) as [number, number];
            onRange({ fromMs: Math.floor(first), toMs: Math.ceil(last) });
          }
          setDrag(undefined);
        }}
        onPointerCancel={() => {
          setDrag(undefined);
        }}
      >
        {levels.map(({ ms, y }) => (
          <i key={ms} class="level" style={{ bottom: left(y) }} />
        ))}
        {timeLines(fromMs, toMs, 8).map((ms) => (
          <span key={ms} class="time" style={{ left: left((ms - fromMs) / (toMs - fromMs)) }}>
            {clock(ms, toMs - fromMs)}
          </span>
        ))}
        {points.map(({ hit, x, y }) => (
          <button
            key={hit.traceId}
            tabIndex={-1}
            class={hit.failed ? 'point failed' : 'point'}
            style={{ left: left(x), bottom: left(y) }}
            title={`${hit.rootService} ${hit.rootName}\n${formatMs(hit.durationMs)}, ${clock(startMsOf(hit), 0)}${hit.failed ? ', with errors' : ''}`}
            onClick={() => {
              onOpen(hit.traceId);
            }}
          />
        ))}
        {drag && (
          <i
            class="drag"
            style={{ left: left(Math.min(drag.from, drag.to)), width: left(Math.abs(drag.to - drag.from)) }}
          />
        )}
      </div>
    </div>
  );
}

/** With seconds where lines are closer than a minute. @param wholeMs of the plot */
function clock(ms: number, wholeMs: number): string {
  const seconds = wholeMs < 8 * 60_000;
  return new Date(ms).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds && { second: '2-digit' }),
  });
}
