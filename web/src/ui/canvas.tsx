import { useEffect, useRef } from 'preact/hooks';

import { useSize } from '../lib/size';
import { useShownTheme } from '../lib/theme';

export interface Pen {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
  /** A custom property as the theme has it now. */
  colour: (name: string) => string;
}

interface Props {
  label: string;
  height: number;
  draw: (pen: Pen) => void;
  /** Where the pointer is; undefined when it leaves. */
  onPoint?: (place: { x: number; y: number; width: number; height: number } | undefined) => void;
  title?: string | undefined;
}

/** A drawing that follows its width, the density of the screen and the theme. */
export function Canvas({ label, height, draw, onPoint, title }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width } = useSize(place);
  const theme = useShownTheme();
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context || width === 0) return;
    const density = devicePixelRatio || 1;
    element.width = Math.round(width * density);
    element.height = Math.round(height * density);
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(document.documentElement);
    const probe = document.createElement('i');
    document.body.append(probe);
    const colour = (name: string) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    context.font = `11px ${style.getPropertyValue('--font') || 'sans-serif'}`;
    draw({ context, width, height, colour });
    probe.remove();
  }, [draw, width, height, theme]);
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    onPoint?.({ x: event.clientX - box.left, y: event.clientY - box.top, width: box.width, height: box.height });
  };
  return (
    <div ref={place} class="canvas" style={{ height: `${height}px` }}>
      <canvas ref={canvas} role="img" aria-label={label} title={title} style={{ width: `${width}px`, height: `${height}px` }}
        onPointerMove={point} onPointerLeave={() => onPoint?.(undefined)} />
    </div>
  );
}
