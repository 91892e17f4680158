import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

import { lastOf, type Curve } from '../lib/series';
import { stacked } from '../lib/studies/timeline';
import { useText } from '../text';
import { colour, Values } from './chart';
import { ChartFrame } from './chart_frame';

interface Props {
  title: string;
  xName: string;
  /** From the bottom; all at the same xs. */
  layers: readonly Curve[];
  colours: readonly string[];
  format: (value: number) => string;
  sync?: string;
  /** Where there is only so much to share, the axis reaches it. */
  most?: number;
}

const kHeight = 240;
const kSoft = '40';

/** "rgb(1, 2, 3)" with less opacity. */
const softened = (css: string): string => {
  const [red = 0, green = 0, blue = 0] = (css.match(/[\d.]+/g) ?? []).map(Number);
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}${kSoft}`;
};

/** Steps that lie on each other, so that the height is the sum. */
export function StackChart(props: Props) {
  const { title, xName, layers, colours, format, sync, most = 0 } = props;
  const text = useText();
  const plot = useRef<uPlot>(null);
  // The whole stack is drawn from the top, so that each layer covers what is above its own line.
  const dataNow = (): uPlot.AlignedData => [[...(layers[0]?.xs ?? [])], ...stacked(layers).reverse()] as uPlot.AlignedData;
  const newest = useRef(layers);
  newest.current = layers;
  const make = (element: HTMLElement) => {
    const axis = { stroke: colour('--ink-soft'), grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false }, font: '11px system-ui', gap: 4 };
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    const surface = colour('--surface');
    return new uPlot({
      width: element.clientWidth || 300, height: kHeight, padding: [8, 12, 0, 0],
      legend: { show: true, live: true },
      cursor: { ...(sync ? { sync: { key: sync } } : {}), points: { show: false }, y: false, drag: { x: true, y: false } },
      scales: { x: { time: false }, y: { range: (_, __, high) => [0, Math.max(1, most, high) * 1.04] } },
      axes: [
        { ...axis, space: 70, size: 28, values: (_: uPlot, ticks: number[]) => ticks.map(format) },
        { ...axis, size: 54, space: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000], values: (_: uPlot, ticks: number[]) => ticks.map(format) },
      ],
      series: [
        { label: xName, value: (_: uPlot, x: number | null) => (x == null ? '–' : format(x)) },
        ...layers.map((_, index): uPlot.Series => {
          const layer = layers.length - 1 - index;
          const stroke = colour(colours[layer] ?? '--series-8');
          return {
            label: (layers[layer] as Curve).name, stroke, width: 1.25, points: { show: false }, ...(stepped ? { paths: stepped } : {}),
            // Opaque below, so that layers do not shine through each other.
            fill: () => blend(softened(stroke), surface),
            value: (_self: uPlot, __: number | null, ___: number, at: number | null) => {
              const value = at == null ? null : newest.current[layer]?.ys[at];
              return value == null ? '–' : format(value);
            },
          };
        }),
      ],
    }, dataNow(), element);
  };
  useEffect(() => plot.current?.setData(dataNow()), [layers]);
  const first = layers[0];
  return (
    <ChartFrame
      title={title} xName={xName} curves={layers} height={kHeight} shape={`${xName} ${layers.length} ${most}`} plot={plot}
      summary={text.chart.summary(title, first?.xs.length ?? 0, format(lastOf(first?.ys ?? []) ?? 0))}
      make={make}
      table={<Values title={title} curves={layers} xName={xName} />}
    />
  );
}

/** A colour with a quarter of opacity on a ground, as an opaque one. */
function blend(soft: string, ground: string): string {
  const [red = 0, green = 0, blue = 0] = (ground.match(/[\d.]+/g) ?? []).map(Number);
  const share = parseInt(soft.slice(7, 9), 16) / 255;
  const mixed = [red, green, blue].map((under, index) => Math.round(under + (parseInt(soft.slice(1 + 2 * index, 3 + 2 * index), 16) - under) * share));
  return `rgb(${mixed.join(' ')})`;
}
