// Draws parallel coordinates on two canvases: all lines faintly, the chosen ones in colour. Knows no view.
import { goodness, ticksOf, type Axis } from './axes';
import { ChosenLines } from './chosen_lines';
import { classOf, Density, kClasses, shadeCss, type Lines, type Shades } from './density';

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
/** Half of ten thousand, the most that a mark on so many can change; more go on in the next frame. */
const kLinesOfAFrame = 5000;

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
  private readonly lines: Lines;
  private readonly all: Density | undefined;
  private chosen: ChosenLines | undefined;
  private picture: ImageData | undefined;
  private hasBase = false;

  constructor(readonly layout: Layout, private readonly axes: readonly Axis[], readonly trials: number, colourBy: Axis) {
    const count = axes.length;
    const ys = new Int16Array(trials * count);
    const classes = new Uint8Array(trials);
    for (let index = 0; index < count; index += 1) {
      const { units } = axes[index] as Axis;
      for (let trial = 0; trial < trials; trial += 1) ys[index * trials + trial] = Math.round(yOf(layout, units[trial] as number));
    }
    for (let trial = 0; trial < trials; trial += 1) classes[trial] = classOf(goodness(colourBy, trial));
    this.lines = { count: trials, xs: Int32Array.from(layout.xs), ys, classes };
    if (trials > kMostStrokes) this.all = new Density(layout.width, layout.height, trials);
  }

  /** Brings the picture to what `mask` chooses. False: the next frame should call proceed(). */
  paint(base: HTMLCanvasElement, front: HTMLCanvasElement, mask: Uint8Array, count: number, looks: Looks): boolean {
    const scale = this.all ? 1 : Math.min(2, globalThis.devicePixelRatio || 1);
    for (const canvas of [base, front]) {
      const [width, height] = [Math.round(this.layout.width * scale), Math.round(this.layout.height * scale)];
      if (canvas.width === width && canvas.height === height) continue;
      canvas.width = width;
      canvas.height = height;
      this.hasBase = false;
    }
    if (this.all) return this.paintDensity(this.all, base, front, mask, count, looks);
    this.strokeAll(base, front, mask, count, looks, scale);
    return true;
  }

  private paintDensity(all: Density, base: HTMLCanvasElement, front: HTMLCanvasElement, mask: Uint8Array, count: number, looks: Looks): boolean {
    if (!this.chosen) {
      all.add(this.lines, Uint32Array.from({ length: this.trials }, (_, trial) => trial), 0, this.trials, 1);
      this.chosen = new ChosenLines(this.lines, all);
    }
    this.chosen.aim(mask, count);
    const isPart = count < this.trials;
    base.style.visibility = isPart ? 'visible' : 'hidden';
    const behind = () => {
      if (this.hasBase) return;
      this.put(base, all, { ...looks.others, opacity: opacityFor(this.trials) / 2 });
      this.hasBase = true;
    };
    // The first mark should not wait for what can be drawn before it.
    if (isPart) behind();
    else setTimeout(behind, kQuietMs);
    return this.proceed(front, count, looks);
  }

  /** As many of the lines that are left as a frame has time for. False: there are more. */
  proceed(front: HTMLCanvasElement, count: number, looks: Looks): boolean {
    if (!this.chosen) return true;
    const left = this.chosen.draw(kLinesOfAFrame);
    this.put(front, this.chosen.shown, { ...looks.chosen, opacity: opacityFor(count) });
    return left === 0;
  }

  private put(canvas: HTMLCanvasElement, density: Density, shades: Shades): void {
    const onto = canvas.getContext('2d') as CanvasRenderingContext2D;
    this.picture ??= onto.createImageData(density.width, density.height);
    density.resolve(new Uint32Array(this.picture.data.buffer), shades);
    onto.putImageData(this.picture, 0, 0);
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
        if (this.lines.classes[trial] !== wanted) continue;
        const chosen = mask[trial] === 1;
        this.stroke(chosen ? ahead : behind, trial, shadeCss((chosen ? looks.chosen : looks.others).colours, wanted / (kClasses - 1)), 1.25);
      }
  }

  private stroke(onto: CanvasRenderingContext2D, trial: number, colour: string, width: number): void {
    const { count, xs, ys } = this.lines;
    onto.strokeStyle = colour;
    onto.lineWidth = width;
    onto.beginPath();
    for (let index = 0; index < xs.length; index += 1) onto.lineTo(xs[index] as number, ys[index * count + trial] as number);
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
    const { count, xs, ys } = this.lines;
    let gap = 0;
    while (gap < xs.length - 2 && x > (xs[gap + 1] as number)) gap += 1;
    const [x0, x1] = [xs[gap] as number, xs[gap + 1] ?? (xs[gap] as number)];
    const share = x1 === x0 ? 0 : (x - x0) / (x1 - x0);
    if (share < 0 || share > 1) return undefined;
    let found: number | undefined;
    let least = 7;
    for (let trial = 0; trial < this.trials; trial += 1) {
      if (mask[trial] !== 1) continue;
      const from = ys[gap * count + trial] as number;
      const to = ys[Math.min(gap + 1, xs.length - 1) * count + trial] as number;
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
