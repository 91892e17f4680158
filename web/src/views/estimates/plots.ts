// Two plots drawn with a pen: cost against time, and estimates against what happened.
import type { EstimateRow, PastEstimate } from '../../api/estimate_types';
import { dollars, frontOf, isRunnable, placeOn, scaleOf, ticksOf, timeTicks, wasInside, type Scale } from '../../lib/estimates/front';
import { duration } from '../../lib/format';
import type { Pen } from '../../ui/canvas';

const kPad = { left: 68, right: 24, top: 14, bottom: 46 };

export interface Plot {
  x: Scale;
  y: Scale;
}

export const inside = (width: number, height: number) => ({ width: width - kPad.left - kPad.right, height: height - kPad.top - kPad.bottom });

/** Where a pair of values lies, in pixels. */
export function spot(plot: Plot, x: number, y: number, width: number, height: number): { x: number; y: number } {
  const inner = inside(width, height);
  return { x: kPad.left + placeOn(plot.x, x) * inner.width, y: kPad.top + (1 - placeOn(plot.y, y)) * inner.height };
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

function frame(pen: Pen, plot: Plot, xTicks: readonly number[], yTicks: readonly number[], xText: (x: number) => string, yText: (y: number) => string,
               xName: string): void {
  const { context, width, height } = pen;
  context.lineWidth = 1;
  context.strokeStyle = pen.colour('--grid');
  context.fillStyle = pen.colour('--ink-soft');
  context.textAlign = 'center';
  let right = -Infinity;
  for (const tick of xTicks) {
    const { x } = spot(plot, tick, plot.y.least, width, height);
    line(context, x, kPad.top, x, height - kPad.bottom);
    const half = context.measureText(xText(tick)).width / 2;
    // Of names that would touch the first stays.
    if (x - half < right + 8 || x + half > width) continue;
    context.fillText(xText(tick), x, height - kPad.bottom + 16);
    right = x + half;
  }
  context.textAlign = 'right';
  for (const tick of yTicks) {
    const { y } = spot(plot, plot.x.least, tick, width, height);
    line(context, kPad.left, y, width - kPad.right, y);
    context.fillText(yText(tick), kPad.left - 8, y + 4);
  }
  context.textAlign = 'center';
  context.fillStyle = pen.colour('--ink');
  context.fillText(xName, kPad.left + inside(width, height).width / 2, height - 8);
}

export function costPlot(rows: readonly EstimateRow[]): Plot {
  const known = rows.filter(isRunnable);
  return {
    x: scaleOf(known.flatMap((row) => [row.finish_s - row.runtime_s.p50 + row.runtime_s.p10, row.finish_s_p90 ?? row.finish_s])),
    y: scaleOf(known.flatMap((row) => [row.cost_usd, row.cost_usd_p90 ?? row.cost_usd])),
  };
}

export function drawCosts(pen: Pen, rows: readonly EstimateRow[], plot: Plot, lit: number | undefined, xName: string): void {
  const { context, width, height } = pen;
  frame(pen, plot, timeTicks(plot.x), ticksOf(plot.y, 4), duration, dollars, xName);
  const at = (time: number, cost: number) => spot(plot, time, cost, width, height);
  const front = frontOf(rows);
  context.strokeStyle = pen.colour('--accent');
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.beginPath();
  front.forEach((row, index) => {
    const { x, y } = at(row.finish_s, row.cost_usd);
    if (index === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  });
  context.stroke();
  context.setLineDash([]);
  rows.forEach((row, index) => {
    if (!isRunnable(row)) return;
    const good = row.verdict === 'good';
    const ink = pen.colour(!good ? '--line-strong' : row.pareto ? '--accent' : '--idle');
    const centre = at(row.finish_s, row.cost_usd);
    context.strokeStyle = ink;
    context.lineWidth = index === lit ? 2.5 : 1;
    const before = row.finish_s - row.runtime_s.p50;
    line(context, at(before + row.runtime_s.p10, row.cost_usd).x, centre.y, at(before + row.runtime_s.p90, row.cost_usd).x, centre.y);
    context.fillStyle = good ? ink : pen.colour('--surface');
    context.beginPath();
    context.arc(centre.x, centre.y, row.recommended ? 7 : 5, 0, 2 * Math.PI);
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = good ? pen.colour('--surface') : ink;
    context.stroke();
    if (row.recommended) {
      context.strokeStyle = ink;
      context.beginPath();
      context.arc(centre.x, centre.y, 11, 0, 2 * Math.PI);
      context.stroke();
    }
  });
  names(pen, rows, plot, lit);
}

/** Names of the front, and of what is pointed at, where there is room for them. */
function names(pen: Pen, rows: readonly EstimateRow[], plot: Plot, lit: number | undefined): void {
  const { context, width, height } = pen;
  const taken: { x: number; y: number; width: number }[] = [];
  const order = rows.map((row, index) => ({ row, index })).sort((a, b) => Number(b.index === lit) - Number(a.index === lit) || Number(b.row.recommended) - Number(a.row.recommended));
  context.fillStyle = pen.colour('--ink');
  for (const { row, index } of order) {
    if (!isRunnable(row) || !(row.pareto || row.recommended || index === lit)) continue;
    const { x, y } = spot(plot, row.finish_s, row.cost_usd, width, height);
    const wide = context.measureText(row.name).width;
    const left = Math.max(kPad.left, Math.min(x - wide / 2, width - wide - 4));
    const top = y - 16 < kPad.top + 6 ? y + 24 : y - 14;
    if (taken.some((other) => Math.abs(other.y - top) < 14 && left < other.x + other.width + 6 && other.x < left + wide + 6)) continue;
    taken.push({ x: left, y: top, width: wide });
    context.textAlign = 'left';
    context.strokeStyle = pen.colour('--surface');
    context.lineWidth = 4;
    context.strokeText(row.name, left, top);
    context.fillText(row.name, left, top);
  }
}

export function accuracyPlot(items: readonly PastEstimate[]): Plot {
  const scale = scaleOf(items.flatMap((one) => [one.estimated_s.p10, one.estimated_s.p90, one.actual_s]).filter((time) => time > 0), true);
  return { x: scale, y: scale };
}

export function drawAccuracy(pen: Pen, items: readonly PastEstimate[], plot: Plot, lit: number | undefined, xName: string): void {
  const { context, width, height } = pen;
  const ticks = timeTicks(plot.x);
  frame(pen, plot, ticks, ticks, duration, duration, xName);
  const at = (actual: number, estimated: number) => spot(plot, actual, estimated, width, height);
  const [low, high] = [at(plot.x.least, plot.y.least), at(plot.x.most, plot.y.most)];
  context.strokeStyle = pen.colour('--line-strong');
  context.setLineDash([4, 4]);
  line(context, low.x, low.y, high.x, high.y);
  context.setLineDash([]);
  items.forEach((one, index) => {
    const held = wasInside(one);
    const centre = at(one.actual_s, one.estimated_s.p50);
    context.strokeStyle = pen.colour(held ? '--accent' : '--wait');
    context.fillStyle = held ? pen.colour('--accent') : pen.colour('--surface');
    context.lineWidth = index === lit ? 2.5 : 1;
    line(context, centre.x, at(one.actual_s, one.estimated_s.p10).y, centre.x, at(one.actual_s, one.estimated_s.p90).y);
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(centre.x, centre.y, index === lit ? 6 : 4, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  });
}
