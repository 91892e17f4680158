import 'uplot/dist/uPlot.min.css';

import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';

import { save } from '../lib/save';
import { toCsv, type Curve } from '../lib/series';
import { useShownTheme } from '../lib/theme';
import { useText } from '../text';

interface Props {
  title: string;
  /** Name of x in CSV, and the curves of which it is made. */
  xName: string;
  curves: readonly Curve[];
  /** Said instead of the picture. */
  summary: string;
  /** Stands below the title. */
  note?: string | undefined;
  height: number;
  /** The same values for those who would rather read. */
  table: ComponentChildren;
  /** Made anew when the theme or `shape` changes; `plot` is the one that is shown, if any. */
  make: (element: HTMLElement) => uPlot;
  shape: string;
  plot: RefObject<uPlot>;
}

/** What every chart has around it: title, table instead of picture, CSV, PNG, the width of its place. */
export function ChartFrame({ title, xName, curves, summary, note, height, table, make, shape, plot }: Props) {
  const text = useText();
  const theme = useShownTheme();
  const [asTable, setAsTable] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = make(element);
    plot.current = made;
    const observer = new ResizeObserver(() => element.clientWidth > 0 && made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [theme, shape, asTable]);
  const form = asTable ? text.chart.chart : text.chart.table;
  const csv = () => save(`${title}.csv`, new Blob([toCsv(xName, curves)], { type: 'text/csv' }));
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
      {note && <p class="note soft">{note}</p>}
      {asTable ? table : <div class="plot" ref={place} role="img" aria-label={summary} title={text.chart.zoom} />}
    </section>
  );
}
