import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

import { measure } from '../lib/format';
import { joined, lastOf, type Curve } from '../lib/series';
import { useText } from '../text';
import { ChartFrame } from './chart_frame';

export type { Curve };

interface Props {
  title: string;
  curves: readonly Curve[];
  /** Name of x in the legend and in CSV. */
  xName: string;
  xIsTime?: boolean;
  /** How each curve's values are written; one y axis at the left, a second at the right if a curve asks. */
  format?: readonly ((value: number) => string)[];
  /** Charts with the same key share their crosshair. */
  sync?: string;
  height?: number;
  /** The first curve's axis is fixed, such as [0, 1] for a share. */
  range?: [number, number];
  legend?: boolean;
  /** The vertical axis is logarithmic; what is not positive must be null. */
  log?: boolean;
  /** How x is written, where it is neither a plain number nor a time of day. */
  xFormat?: (x: number) => string;
  /** Stands below the title. */
  note?: string | undefined;
}

const kMaxRows = 500;
const kHeight = 220;

/** A custom property as the browser resolves it in the theme shown now. */
export function colour(name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

function options(props: Props, width: number): uPlot.Options {
  const { curves, format = [], height = kHeight, sync, range, xIsTime = false, xName, log = false } = props;
  const xText = xTextOf(props);
  const ink = colour('--ink-soft');
  const axis = { stroke: ink, grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false }, font: '11px system-ui', gap: 4 };
  const values = (index: number) => (_: uPlot, ticks: (number | null)[]) =>
    ticks.map((tick) => (tick == null ? '' : (format[index] ?? measure)(tick)));
  const two = curves.length === 2 && format.length === 2;
  return {
    width, height, padding: [8, two ? 0 : 12, 0, 0],
    legend: { show: props.legend ?? true, live: true },
    cursor: { ...(sync ? { sync: { key: sync } } : {}), points: { size: 6 }, y: false, drag: { x: true, y: false } },
    scales: { x: { time: xIsTime }, ...(range ? { y: { range } } : {}), ...(log ? { y: { distr: 3 as const } } : {}), ...(two ? { right: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } } : {}) },
    axes: [
      { ...axis, space: 70, size: 28, values: (_: uPlot, ticks: number[]) => ticks.map(xText) },
      { ...axis, size: 54, space: 36, values: values(0) },
      ...(two ? [{ ...axis, scale: 'right', side: 1 as const, size: 54, space: 36, grid: { show: false }, values: values(1) }] : []),
    ],
    series: [
      { label: xName, value: (_: uPlot, x: number | null) => (x == null ? '–' : xText(x)) },
      ...curves.map((curve, index): uPlot.Series => ({
        label: curve.name,
        scale: two && index === 1 ? 'right' : 'y',
        stroke: stroke(curve, index),
        width: curve.faint ? 1 : 1.75,
        ...(curve.faint ? { class: 'faint' } : {}),
        ...(index === 0 && curves.length <= 2 && !curve.faint && !log && curve.tint === undefined ? { fill: colour('--fill-1') } : {}),
        ...((two && index === 1) || curve.dashed ? { dash: [6, 3] } : {}),
        points: { show: curve.xs.length < 40 && !curve.faint },
        spanGaps: true,
        value: (_: uPlot, y: number | null) => (y == null ? '–' : (format[index] ?? measure)(y)),
      })),
    ],
  };
}

/** Faint curves are as translucent as their colour allows the eye to follow. */
function stroke(curve: Curve, index: number): string {
  const solid = colour(`--series-${((curve.tint ?? index) % 8) + 1}`);
  return curve.faint ? solid.replace(/^rgb\(([^)]*)\)$/, 'rgba($1, 0.3)') : solid;
}

const xTextOf = ({ xFormat, xIsTime }: Props) => xFormat ?? (xIsTime ? clock : measure);

const clock = (seconds: number) => new Date(seconds * 1000).toLocaleTimeString('en-GB');

const dataOf = (curves: readonly Curve[]): uPlot.AlignedData => {
  const { xs, columns } = joined(curves);
  return [xs, ...columns] as uPlot.AlignedData;
};

export function Chart(props: Props) {
  const { title, curves, xName, height = kHeight } = props;
  const text = useText();
  const plot = useRef<uPlot>(null);
  const shape = `${xName} ${props.log} ${curves.map((curve) => `${curve.name}${curve.tint}${curve.xs.length < 40 ? '.' : ''}`).join('|')}`;
  useEffect(() => {
    const drawn = plot.current;
    if (!drawn) return;
    // A reader who has zoomed in keeps the window while points arrive.
    const { min, max } = drawn.scales['x'] as uPlot.Scale;
    const xs = drawn.data[0];
    const whole = xs.length < 2 || min == null || max == null || (min <= (xs[0] as number) && max >= (xs[xs.length - 1] as number));
    drawn.setData(dataOf(curves), whole);
  }, [curves]);
  const first = curves[0];
  return (
    <ChartFrame
      title={title} xName={xName} curves={curves} note={props.note} height={height} shape={shape} plot={plot}
      summary={text.chart.summary(title, first?.xs.length ?? 0, measure(first ? lastOf(first.ys) : null))}
      make={(element) => new uPlot(options(props, element.clientWidth || 300), dataOf(curves), element)}
      table={<Values {...props} />}
    />
  );
}

export function Values(props: Props) {
  const { title, xName, format = [] } = props;
  const curves = props.curves.filter((curve) => !curve.faint);
  const { xs, columns } = joined(curves);
  const from = Math.max(0, xs.length - kMaxRows);
  const x = xTextOf(props);
  return (
    <div class="values" role="group" aria-label={title} tabIndex={0}>
      <table>
        <thead>
          <tr><th scope="col">{xName}</th>{curves.map((curve) => <th key={curve.name} scope="col" class="number">{curve.name}</th>)}</tr>
        </thead>
        <tbody>
          {xs.slice(from).map((at, row) => (
            <tr key={at}>
              <td>{x(at)}</td>
              {columns.map((column, index) => {
                const value = column[from + row];
                return <td key={index} class="number">{value == null ? '–' : (format[index] ?? measure)(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
