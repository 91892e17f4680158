// The scatter and the parallel axes of a comparison, drawn with a pen.
import { measure } from '../../lib/format';
import { inset, marksOf, placeOf, pointsOf, tintOf, type Dimension } from '../../lib/runs/compare';
import type { Pen } from '../../ui/canvas';

export const kPad = { left: 72, right: 20, top: 16, bottom: 44 };
const kDot = 6;

const seriesColour = (pen: Pen, run: number) => pen.colour(`--series-${tintOf(run).tint + 1}`);
const worded = (value: number | string) => (typeof value === 'number' ? measure(Number(value.toPrecision(3))) : value);

function clipped(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let kept = text;
  while (kept.length > 1 && context.measureText(`${kept}…`).width > width) kept = kept.slice(0, -1);
  return `${kept}…`;
}

export const nameOf = (dimension: Dimension, log: string): string =>
  `${dimension.id.slice(dimension.id.indexOf('.') + 1)}${dimension.log ? ` (${log})` : ''}`;

export function drawScatter(pen: Pen, x: Dimension, y: Dimension, runs: number, lit: number | undefined, log: string): void {
  const { context, width, height } = pen;
  const inner = { width: width - kPad.left - kPad.right, height: height - kPad.top - kPad.bottom };
  const across = (at: number) => kPad.left + at * inner.width;
  const up = (at: number) => kPad.top + (1 - at) * inner.height;
  context.strokeStyle = pen.colour('--grid');
  context.fillStyle = pen.colour('--ink-soft');
  context.lineWidth = 1;
  for (const { at, value } of marksOf(x)) {
    line(context, across(inset(at)), kPad.top, across(inset(at)), height - kPad.bottom);
    context.textAlign = 'center';
    context.fillText(clipped(context, worded(value), 90), across(inset(at)), height - kPad.bottom + 16);
  }
  for (const { at, value } of marksOf(y)) {
    line(context, kPad.left, up(inset(at)), width - kPad.right, up(inset(at)));
    context.textAlign = 'right';
    context.fillText(clipped(context, worded(value), kPad.left - 12), kPad.left - 8, up(inset(at)) + 4);
  }
  context.fillStyle = pen.colour('--ink');
  context.textAlign = 'center';
  context.fillText(nameOf(x, log), kPad.left + inner.width / 2, height - 8);
  for (const point of pointsOf(x, y, runs)) {
    context.fillStyle = seriesColour(pen, point.run);
    context.beginPath();
    context.arc(across(point.x), up(point.y), point.run === lit ? kDot + 3 : kDot, 0, 2 * Math.PI);
    context.fill();
    context.strokeStyle = pen.colour('--surface');
    context.lineWidth = 1.5;
    context.stroke();
  }
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

const kAxisTop = 36;
const kAxisBottom = 16;
const kAxisSide = 60;

/** An axis a dimension from left to right, a line a run; a run without a value leaves the line open there. */
export function drawParallel(pen: Pen, dimensions: readonly Dimension[], runs: number, lit: number | undefined, log: string): void {
  const { context, width, height } = pen;
  const step = dimensions.length > 1 ? (width - 2 * kAxisSide) / (dimensions.length - 1) : 0;
  const across = (axis: number) => kAxisSide + axis * step;
  const up = (at: number) => kAxisTop + (1 - at) * (height - kAxisTop - kAxisBottom);
  for (let run = 0; run < runs; run += 1) {
    context.strokeStyle = seriesColour(pen, run);
    context.lineWidth = run === lit ? 3.5 : 1.75;
    context.globalAlpha = lit === undefined || run === lit ? 1 : 0.3;
    context.setLineDash(tintOf(run).dashed ? [6, 3] : []);
    context.beginPath();
    let begun = false;
    dimensions.forEach((dimension, axis) => {
      const place = placeOf(dimension, run);
      if (place === undefined) {
        begun = false;
        return;
      }
      if (begun) context.lineTo(across(axis), up(place));
      else context.moveTo(across(axis), up(place));
      begun = true;
    });
    context.stroke();
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
  context.lineWidth = 1;
  dimensions.forEach((dimension, axis) => {
    context.strokeStyle = pen.colour('--line-strong');
    line(context, across(axis), kAxisTop, across(axis), height - kAxisBottom);
    context.textAlign = 'center';
    context.fillStyle = pen.colour('--ink');
    // Names stand on two levels where they would touch.
    const low = axis % 2 === 1 && step < 110;
    context.fillText(clipped(context, nameOf(dimension, log), low || step < 110 ? 2 * step - 8 : step - 8 || 200), across(axis), low ? 26 : 12);
    context.fillStyle = pen.colour('--ink-soft');
    context.textAlign = axis === dimensions.length - 1 ? 'right' : 'left';
    const last = axis === dimensions.length - 1;
    context.strokeStyle = pen.colour('--surface');
    context.lineWidth = 4;
    for (const { at, value } of marksOf(dimension)) {
      const words = clipped(context, worded(value), Math.max(30, step / 2));
      const [x, y] = [across(axis) + (last ? -6 : 6), up(at) + (at === 1 ? 10 : at === 0 ? -3 : 4)];
      context.strokeText(words, x, y);
      context.fillText(words, x, y);
    }
    context.lineWidth = 1;
  });
}
