import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { valueText, type Axis } from '../../lib/studies/axes';
import { shifted, withBrush, type Brushes, type Range, type Selection } from '../../lib/studies/brush';
import { shadesOf } from '../../lib/studies/density';
import { layoutOf, Painter, unitAtY, yOf, type Looks } from '../../lib/studies/painter';
import { useShownTheme } from '../../lib/theme';
import { useStudiesText } from '../../text/studies';
import { colour } from '../../ui/chart';

interface Props {
  axes: readonly Axis[];
  selection: Selection;
  brushes: Brushes;
  colourBy: Axis;
  best: number | undefined;
  hovered: number | undefined;
  label: string;
  /** What a trial is called. */
  nameOf: (trial: number) => string;
  /** While a mark is drawn, and once it is. */
  onBrush: (brushes: Brushes) => void;
  onSettle: (brushes: Brushes) => void;
  onHover: (trial: number | undefined) => void;
  onOpen: (trial: number) => void;
}

const kHeight = 380;
const kTall = { height: 520, from: 1100 };
const kNear = 14;

interface Drag {
  axis: Axis;
  from: number;
  /** The range that is moved; absent while a new one is drawn. */
  moved?: Range;
  latest: Brushes;
  /** Until which `latest` has not been shown. */
  frame?: number;
}

function parse(css: string): [number, number, number] {
  const [red = 0, green = 0, blue = 0] = (css.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}

function looksNow(): Looks {
  const heat = [0, 1, 2, 3, 4].map((step) => parse(colour(`--heat-${step}`)));
  const faint = parse(colour('--line-strong'));
  return {
    chosen: { colours: shadesOf(heat), opacity: 1 },
    others: { colours: shadesOf([faint, faint]), opacity: 1 },
    line: colour('--line-strong'), ink: colour('--ink'), best: colour('--series-2'), halo: colour('--surface'),
  };
}

/** The width that there is, followed. */
function useRoom(): [{ current: HTMLDivElement | null }, number] {
  const place = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const measure = () => setRoom(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [place, room];
}

export function ParallelPlot(props: Props) {
  const { axes, selection, brushes, colourBy, best, hovered, label, nameOf, onBrush, onSettle, onHover, onOpen } = props;
  const words = useStudiesText().plot;
  const theme = useShownTheme();
  const [place, room] = useRoom();
  const base = useRef<HTMLCanvasElement>(null);
  const front = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const drag = useRef<Drag>();
  const [tip, setTip] = useState<{ x: number; y: number }>();
  const layout = useMemo(() => layoutOf(axes, room, room >= kTall.from ? kTall.height : kHeight), [axes, room]);
  const looks = useMemo(looksNow, [theme]);
  const painter = useMemo(() => (room > 0 ? new Painter(layout, axes, selection.mask.length, colourBy) : undefined), [layout, axes, colourBy, room > 0, looks]);

  useLayoutEffect(() => {
    const [behind, ahead] = [base.current, front.current];
    if (!painter || !behind || !ahead) return;
    let frame = 0;
    const follow = (complete: boolean) => {
      // A test that waits for the picture needs a sign of it.
      if (complete) ahead.dataset['painted'] = String(selection.count);
      else frame = requestAnimationFrame(() => follow(painter.proceed(ahead, selection.count, looks)));
    };
    follow(painter.paint(behind, ahead, selection.mask, selection.count, looks));
    return () => cancelAnimationFrame(frame);
  }, [painter, selection, looks]);
  useLayoutEffect(() => {
    if (over.current) painter?.paintAxes(over.current, looks, best, hovered);
  }, [painter, looks, best, hovered]);

  const at = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const axisAt = (x: number): Axis | undefined => {
    const index = layout.xs.findIndex((place) => Math.abs(place - x) <= kNear);
    return axes[index];
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const { x, y } = at(event);
    const axis = axisAt(x);
    if (!axis) {
      if (hovered !== undefined) onOpen(hovered);
      return;
    }
    event.preventDefault();
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    const unit = unitAtY(layout, y);
    const range = brushes[axis.id];
    const inside = range && unit >= range[0] && unit <= range[1];
    drag.current = { axis, from: unit, latest: brushes, ...(inside ? { moved: range } : {}) };
    onHover(undefined);
  };
  const move = (event: PointerEvent) => {
    const { x, y } = at(event);
    const held = drag.current;
    if (!held) {
      const near = axisAt(x) ? undefined : painter?.nearest(x, y, selection.mask);
      if (near !== hovered) onHover(near);
      setTip(near === undefined ? undefined : { x, y });
      return;
    }
    const unit = unitAtY(layout, y);
    const range: Range = held.moved ? shifted(held.moved, unit - held.from) : [Math.min(held.from, unit), Math.max(held.from, unit)];
    held.latest = withBrush(held.latest, held.axis, range);
    // A mouse may tell more places than there are pictures to show them.
    held.frame ??= requestAnimationFrame(() => {
      delete held.frame;
      onBrush(held.latest);
    });
  };
  const up = (event: PointerEvent) => {
    const held = drag.current;
    if (!held) return;
    drag.current = undefined;
    if (held.frame !== undefined) cancelAnimationFrame(held.frame);
    const unit = unitAtY(layout, at(event).y);
    const clicked = Math.abs(unit - held.from) < 0.005;
    onSettle(clicked && !held.moved ? withBrush(held.latest, held.axis, undefined) : held.latest);
  };
  useEffect(() => {
    if (hovered === undefined) setTip(undefined);
  }, [hovered]);

  return (
    <div class="plot-scroll" ref={place} role="group" aria-label={words.title} tabIndex={0}>
      <div class="axis-names" style={{ width: `${layout.width}px` }}>
        {axes.map((axis, index) => (
          <span key={axis.id} class={`axis-name ${axis.role}`} style={{ left: `${layout.xs[index]}px`, width: `${Math.max(44, (layout.xs[1] ?? 90) - (layout.xs[0] ?? 0) - 6)}px` }}
            title={[axis.name, axis.role === 'measure' ? (axis.descending ? words.descending : words.ascending) : '', axis.log ? words.log : '', axis.clipped === 'none' ? '' : words.clipped].filter(Boolean).join(', ')}>
            <span class="clip">{axis.name}</span>{axis.role === 'measure' && <small aria-hidden="true">{axis.descending ? '↑' : '↓'}</small>}
          </span>
        ))}
      </div>
      <div class="parallel-plot" role="img" aria-label={label} style={{ width: `${layout.width}px`, height: `${layout.height}px` }}
        onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={up} onPointerLeave={() => !drag.current && onHover(undefined)}>
        <canvas ref={base} /><canvas ref={front} /><canvas ref={over} />
        {axes.map((axis, index) => {
          const range = brushes[axis.id];
          return range && (
            <i key={axis.id} class="mark" data-axis={axis.id}
              style={{ left: `${layout.xs[index]}px`, top: `${yOf(layout, range[1])}px`, height: `${Math.max(3, yOf(layout, range[0]) - yOf(layout, range[1]))}px` }} />
          );
        })}
        {axes.map((axis, index) => <i key={`handle ${axis.id}`} class="handle" style={{ left: `${layout.xs[index]}px` }} />)}
        {tip && hovered !== undefined && (
          <div class={`tip ${tip.x > layout.width / 2 ? 'left' : ''}`} style={{ left: `${tip.x}px`, top: `${Math.min(tip.y, layout.height - 40 - 16 * axes.length)}px` }}>
            <strong>{nameOf(hovered)}</strong>
            {axes.map((axis) => <div key={axis.id}><span>{axis.name}</span><b>{valueText(axis, axis.values[hovered] ?? NaN)}</b></div>)}
          </div>
        )}
      </div>
    </div>
  );
}
