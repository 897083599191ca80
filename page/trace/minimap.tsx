import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { isFailed, type TraceModel } from './model.js';
import { percent, type TimeFrame } from './waterfall.js';

interface MinimapProps {
  readonly model: TraceModel;
  readonly frame: TimeFrame;
  /** Undefined for the whole trace. */
  readonly onFrame: (frame: TimeFrame | undefined) => void;
}

const height = 44;

/** All spans at a glance; dragged over, it shows that part of the time below. For the mouse only: keys have the rows. */
export function Minimap({ model, frame, onFrame }: MinimapProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drag, setDrag] = useState<{ readonly from: number; readonly to: number }>();
  useEffect(() => {
    const it = canvas.current;
    if (!it) return undefined;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const paint = (): void => {
      draw(it, model);
    };
    const observer = new ResizeObserver(paint);
    observer.observe(it);
    dark.addEventListener('change', paint);
    return () => {
      observer.disconnect();
      dark.removeEventListener('change', paint);
    };
  }, [model]);
  const at = (event: PointerEvent): number => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  };
  const whole = model.endMs - model.startMs;
  const selected = drag && {
    startMs: model.startMs + Math.min(drag.from, drag.to) * whole,
    endMs: model.startMs + Math.max(drag.from, drag.to) * whole,
  };
  const shown = selected ?? frame;
  return (
    <div
      class="minimap"
      aria-hidden="true"
      onPointerDown={(event) => {
        (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
        setDrag({ from: at(event), to: at(event) });
      }}
      onPointerMove={(event) => {
        if (drag) setDrag({ ...drag, to: at(event) });
      }}
      onPointerUp={() => {
        if (drag && selected) onFrame(Math.abs(drag.to - drag.from) > 0.005 ? selected : undefined);
        setDrag(undefined);
      }}
      onPointerCancel={() => {
        setDrag(undefined);
      }}
    >
      <canvas ref={canvas} />
      <i class="shade" style={{ left: 0, width: percent(shown.startMs - model.startMs, whole) }} />
      <i class="shade" style={{ right: 0, width: percent(model.endMs - shown.endMs, whole) }} />
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, { rows, startMs, endMs }: TraceModel): void {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const pen = canvas.getContext('2d');
  if (!pen) return;
  const style = getComputedStyle(canvas);
  const colours = Array.from({ length: 10 }, (_, index) => style.getPropertyValue(`--c${String(index)}`));
  const error = style.getPropertyValue('--error');
  pen.scale(ratio, ratio);
  const scale = width / (endMs - startMs || 1);
  const line = Math.max(1, Math.min(4, (height - 4) / rows.length));
  for (const { node, index, colour } of rows) {
    pen.fillStyle = isFailed(node.span) ? error : (colours[colour] ?? error);
    const y = 2 + (index / rows.length) * (height - 4);
    pen.fillRect((node.startMs - startMs) * scale, y, Math.max(1, (node.endMs - node.startMs) * scale), line);
  }
}
