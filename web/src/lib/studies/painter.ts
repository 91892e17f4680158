// Draws parallel coordinates on two canvases: all lines faintly, the chosen ones in colour. Knows no view.
import { goodness, ticksOf, type Axis } from './axes';
import { classOf, Density, kClasses, shadeCss, type Shades } from './density';

export interface Looks {
  chosen: Shades;
  others: Shades;
  line: string;
  ink: string;
  best: string;
  /** Around numbers, to keep them readable on the lines. */
  halo: string;
}

export interface Layout {
  width: number;
  height: number;
  /** Of each axis, in CSS pixels. */
  xs: readonly number[];
  top: number;
  bottom: number;
  /** Where lines run of trials without the parameter. */
  absent: number;
}

/** Below, each line is stroked smoothly; above, they are summed up as a picture. */
const kMostStrokes = 500;
const kSide = 44;
const kTop = 8;
const kAbsentGap = 22;
const kLeastGap = 58;
const kQuietMs = 150;

export function layoutOf(axes: readonly Axis[], room: number, height: number): Layout {
  const width = Math.max(Math.floor(room), 2 * kSide + kLeastGap * Math.max(1, axes.length - 1));
  const gap = axes.length > 1 ? (width - 2 * kSide) / (axes.length - 1) : 0;
  const conditional = axes.some((axis) => axis.conditional);
  return {
    width, height, top: kTop, absent: height - 8,
    bottom: height - (conditional ? 8 + kAbsentGap : 10),
    xs: axes.map((_, index) => Math.round(kSide + index * gap)),
  };
}

export const yOf = (layout: Layout, unit: number): number =>
  unit < 0 ? layout.absent : layout.bottom - unit * (layout.bottom - layout.top);

export const unitAtY = (layout: Layout, y: number): number =>
  y > (layout.bottom + layout.absent) / 2 + 2 ? -0.1 : Math.min(1, Math.max(0, (layout.bottom - y) / (layout.bottom - layout.top)));

const opacityFor = (lines: number) => Math.min(0.85, Math.max(0.06, 26 / Math.sqrt(Math.max(1, lines)) / 8));

export class Painter {
  private readonly ys: Int16Array;
  private readonly classes: Uint8Array;
  private readonly xs: Int32Array;
  private readonly all: Density | undefined;
  private shown: Density | undefined;
  private mask: Uint8Array;
  private hasBase = false;

  constructor(readonly layout: Layout, private readonly axes: readonly Axis[], readonly trials: number, colourBy: Axis) {
    const count = axes.length;
    this.xs = Int32Array.from(layout.xs);
    this.ys = new Int16Array(trials * count);
    this.classes = new Uint8Array(trials);
    for (let index = 0; index < count; index += 1) {
      const { units } = axes[index] as Axis;
      for (let trial = 0; trial < trials; trial += 1) this.ys[trial * count + index] = Math.round(yOf(layout, units[trial] as number));
    }
    for (let trial = 0; trial < trials; trial += 1) this.classes[trial] = classOf(goodness(colourBy, trial));
    this.mask = new Uint8Array(trials);
    if (trials > kMostStrokes) this.all = new Density(layout.width, layout.height);
  }

  /** Brings the picture to what `mask` chooses. */
  paint(base: HTMLCanvasElement, front: HTMLCanvasElement, mask: Uint8Array, count: number, looks: Looks): void {
    const scale = this.all ? 1 : Math.min(2, globalThis.devicePixelRatio || 1);
    for (const canvas of [base, front]) {
      const [width, height] = [Math.round(this.layout.width * scale), Math.round(this.layout.height * scale)];
      if (canvas.width === width && canvas.height === height) continue;
      canvas.width = width;
      canvas.height = height;
      this.hasBase = false;
    }
    if (this.all) this.paintDensity(this.all, base, front, mask, count, looks);
    else this.strokeAll(base, front, mask, count, looks, scale);
  }

  private paintDensity(all: Density, base: HTMLCanvasElement, front: HTMLCanvasElement, mask: Uint8Array, count: number, looks: Looks): void {
    const points = this.axes.length;
    if (!this.shown) {
      for (let trial = 0; trial < this.trials; trial += 1) all.line(this.xs, this.ys, trial * points, points, this.classes[trial] as number, 1);
      this.shown = all.copy();
      this.mask.fill(1);
    }
    for (let trial = 0; trial < this.trials; trial += 1) {
      if (mask[trial] === this.mask[trial]) continue;
      this.shown.line(this.xs, this.ys, trial * points, points, this.classes[trial] as number, mask[trial] === 1 ? 1 : -1);
      this.mask[trial] = mask[trial] as number;
    }
    const isPart = count < this.trials;
    base.style.visibility = isPart ? 'visible' : 'hidden';
    put(front, this.shown, { ...looks.chosen, opacity: opacityFor(count) });
    const behind = () => {
      if (this.hasBase) return;
      put(base, all, { ...looks.others, opacity: opacityFor(this.trials) / 2 });
      this.hasBase = true;
    };
    // The first mark should not wait for what can be drawn before it.
    if (isPart) behind();
    else setTimeout(behind, kQuietMs);
  }

  private strokeAll(base: HTMLCanvasElement, front: HTMLCanvasElement, mask: Uint8Array, count: number, looks: Looks, scale: number): void {
    const behind = context(base, scale);
    const ahead = context(front, scale);
    behind.globalAlpha = 0.35;
    ahead.globalAlpha = Math.min(0.9, Math.max(0.25, 12 / Math.sqrt(Math.max(1, count))));
    base.style.visibility = count < this.trials ? 'visible' : 'hidden';
    // The best last, so that they lie on top.
    for (let wanted = 0; wanted < kClasses; wanted += 1)
      for (let trial = 0; trial < this.trials; trial += 1) {
        if (this.classes[trial] !== wanted) continue;
        const chosen = mask[trial] === 1;
        this.stroke(chosen ? ahead : behind, trial, shadeCss((chosen ? looks.chosen : looks.others).colours, wanted / (kClasses - 1)), 1.25);
      }
  }

  private stroke(onto: CanvasRenderingContext2D, trial: number, colour: string, width: number): void {
    const points = this.axes.length;
    onto.strokeStyle = colour;
    onto.lineWidth = width;
    onto.beginPath();
    for (let index = 0; index < points; index += 1) onto.lineTo(this.xs[index] as number, this.ys[trial * points + index] as number);
    onto.stroke();
  }

  /** Axes, ticks and what stands out; cheap enough for every move of the mouse. */
  paintAxes(canvas: HTMLCanvasElement, looks: Looks, best: number | undefined, hovered: number | undefined): void {
    const { layout } = this;
    const scale = Math.min(2, globalThis.devicePixelRatio || 1);
    canvas.width = Math.round(layout.width * scale);
    canvas.height = Math.round(layout.height * scale);
    const onto = context(canvas, scale);
    for (const [trial, width] of [[best, 2], [hovered, 2.5]] as const)
      if (trial !== undefined && trial < this.trials) this.stroke(onto, trial, trial === hovered ? looks.ink : looks.best, width);
    onto.font = '11px system-ui, sans-serif';
    onto.textBaseline = 'middle';
    const rows = Math.max(2, Math.floor((layout.bottom - layout.top) / 44));
    this.axes.forEach((axis, index) => {
      const x = layout.xs[index] as number;
      onto.strokeStyle = looks.line;
      onto.lineWidth = 1;
      onto.beginPath();
      onto.moveTo(x + 0.5, layout.top);
      onto.lineTo(x + 0.5, layout.bottom);
      onto.stroke();
      const last = index === this.axes.length - 1;
      for (const { unit, label } of ticksOf(axis, rows)) this.tick(onto, looks, x, yOf(layout, unit), label, last);
      if (axis.conditional) this.tick(onto, looks, x, layout.absent, '∅', last);
    });
  }

  private tick(onto: CanvasRenderingContext2D, looks: Looks, x: number, y: number, label: string, toTheLeft: boolean): void {
    onto.fillStyle = looks.line;
    onto.fillRect(x - 2, y, 5, 1);
    const text = label.length > 9 ? `${label.slice(0, 8)}…` : label;
    onto.textAlign = toTheLeft ? 'right' : 'left';
    const at = toTheLeft ? x - 6 : x + 6;
    onto.lineJoin = 'round';
    onto.lineWidth = 3;
    onto.strokeStyle = looks.halo;
    onto.strokeText(text, at, y);
    onto.fillStyle = looks.ink;
    onto.fillText(text, at, y);
  }

  /** The chosen trial whose line is nearest to a point, within a few pixels. */
  nearest(x: number, y: number, mask: Uint8Array): number | undefined {
    const { xs } = this;
    let gap = 0;
    while (gap < xs.length - 2 && x > (xs[gap + 1] as number)) gap += 1;
    const [x0, x1] = [xs[gap] as number, xs[gap + 1] ?? (xs[gap] as number)];
    const share = x1 === x0 ? 0 : (x - x0) / (x1 - x0);
    if (share < 0 || share > 1) return undefined;
    let found: number | undefined;
    let least = 7;
    for (let trial = 0; trial < this.trials; trial += 1) {
      if (mask[trial] !== 1) continue;
      const from = this.ys[trial * this.axes.length + gap] as number;
      const to = this.ys[trial * this.axes.length + Math.min(gap + 1, this.axes.length - 1)] as number;
      const slope = x1 === x0 ? 0 : (to - from) / (x1 - x0);
      const away = Math.abs(from + (to - from) * share - y) / Math.sqrt(1 + slope * slope);
      if (away < least) [least, found] = [away, trial];
    }
    return found;
  }
}

function context(canvas: HTMLCanvasElement, scale: number): CanvasRenderingContext2D {
  const onto = canvas.getContext('2d') as CanvasRenderingContext2D;
  onto.setTransform(1, 0, 0, 1, 0, 0);
  onto.clearRect(0, 0, canvas.width, canvas.height);
  onto.setTransform(scale, 0, 0, scale, 0, 0);
  onto.globalAlpha = 1;
  return onto;
}

function put(canvas: HTMLCanvasElement, density: Density, shades: Shades): void {
  const onto = canvas.getContext('2d') as CanvasRenderingContext2D;
  const picture = onto.createImageData(density.width, density.height);
  density.resolve(new Uint32Array(picture.data.buffer), shades);
  onto.putImageData(picture, 0, 0);
}
