import 'uplot/dist/uPlot.min.css';

import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';

import { save } from '../lib/save';
import { lastOf, toCsv, type Curve } from '../lib/series';
import { stacked } from '../lib/studies/timeline';
import { useShownTheme } from '../lib/theme';
import { useText } from '../text';
import { colour, Values } from './chart';

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
  const theme = useShownTheme();
  const [asTable, setAsTable] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  // The whole stack is drawn from the top, so that each layer covers what is above its own line.
  const dataNow = (): uPlot.AlignedData => [[...(layers[0]?.xs ?? [])], ...stacked(layers).reverse()] as uPlot.AlignedData;
  const newest = useRef(layers);
  newest.current = layers;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const axis = { stroke: colour('--ink-soft'), grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false }, font: '11px system-ui', gap: 4 };
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    const surface = colour('--surface');
    const made = new uPlot({
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
    plot.current = made;
    const observer = new ResizeObserver(() => element.clientWidth > 0 && made.setSize({ width: element.clientWidth, height: kHeight }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [theme, asTable, xName, layers.length, most]);
  useEffect(() => plot.current?.setData(dataNow()), [layers]);
  const first = layers[0];
  const form = asTable ? text.chart.chart : text.chart.table;
  const csv = () => save(`${title}.csv`, new Blob([toCsv(xName, layers)], { type: 'text/csv' }));
  const png = () => plot.current?.root.querySelector('canvas')?.toBlob((blob) => blob && save(`${title}.png`, blob));
  return (
    <section class="card chart" aria-label={title}>
      <header>
        <h2 class="clip" title={title}>{title}</h2>
        <div class="forms" role="group" aria-label={text.chart.actions(title)}>
          <button type="button" class="small quiet" aria-label={text.chart.as(title, form)} onClick={() => setAsTable(!asTable)}>{form}</button>
          <button type="button" class="small quiet" aria-label={text.chart.as(title, text.chart.csv)} onClick={csv}>{text.chart.csv}</button>
          {!asTable && <button type="button" class="small quiet" aria-label={text.chart.as(title, text.chart.png)} onClick={png}>{text.chart.png}</button>}
        </div>
      </header>
      {asTable ? <Values title={title} curves={layers} xName={xName} /> : (
        <div class="plot" ref={place} role="img" aria-label={text.chart.summary(title, first?.xs.length ?? 0, format(lastOf(first?.ys ?? []) ?? 0))} title={text.chart.zoom} />
      )}
    </section>
  );
}

/** A colour with a quarter of opacity on a ground, as an opaque one. */
function blend(soft: string, ground: string): string {
  const [red = 0, green = 0, blue = 0] = (ground.match(/[\d.]+/g) ?? []).map(Number);
  const share = parseInt(soft.slice(7, 9), 16) / 255;
  const mixed = [red, green, blue].map((under, index) => Math.round(under + (parseInt(soft.slice(1 + 2 * index, 3 + 2 * index), 16) - under) * share));
  return `rgb(${mixed.join(' ')})`;
}
