// Thousands of lines as a picture of how many lie on each pixel and of what colour they are on average. Lines are added and
// taken away exactly, so a brush draws only what it changes. Pure.

/** Classes of colour. */
export const kClasses = 16;
const kShades = 64;
/** Sums of so many lines fit into 32 bits, which are twice as fast as 64. */
const kMostNarrow = 2 ** 14 - 1;
const kHalf = 2 ** 15;

export interface Shades {
  /** Packed as a canvas holds them in memory (ABGR on every machine that runs a browser), without opacity. */
  colours: Uint32Array;
  /** How opaque one line is. */
  opacity: number;
}

/** Every line runs through its place on each axis. */
export interface Lines {
  count: number;
  /** Of the axes, rising. */
  xs: Int32Array;
  /** Axis by axis, since neighbours on a screen are drawn one after the other: that of line l on axis a is ys[a * count + l]. */
  ys: Int16Array;
  classes: Uint8Array;
}

export class Density {
  /** A pixel's lines times `unit`, and the sum of their classes, in one exact number. */
  readonly sums: Uint32Array | Float64Array;
  private readonly unit: number;

  constructor(readonly width: number, readonly height: number, readonly most: number) {
    const narrow = most <= kMostNarrow;
    this.sums = narrow ? new Uint32Array(width * height) : new Float64Array(width * height);
    this.unit = narrow ? 2 ** 18 : 2 ** 26;
  }

  copy(): Density {
    const made = new Density(this.width, this.height, this.most);
    made.sums.set(this.sums);
    return made;
  }

  /** The lines `chosen[from]` up to `chosen[to]`, which lie inside. `sign` is 1, or -1 for lines that were added. */
  add(lines: Lines, chosen: Uint32Array, from: number, to: number, sign: 1 | -1): void {
    const { sums, unit, width } = this;
    const { count, xs, ys, classes } = lines;
    for (let axis = 1; axis < xs.length; axis += 1) {
      const x0 = xs[axis - 1] as number;
      const x1 = xs[axis] as number;
      const dx = x1 - x0;
      for (let at = from; at < to; at += 1) {
        const line = chosen[at] as number;
        const weight = sign * (unit + (classes[line] as number));
        const y0 = ys[(axis - 1) * count + line] as number;
        const dy = (ys[axis * count + line] as number) - y0;
        // In steps of 1/65536 of a pixel, from the middle of the first one.
        if (Math.abs(dy) <= dx) {
          const slope = dx === 0 ? 0 : ((dy * 65536) / dx) | 0;
          let y = (y0 << 16) + kHalf;
          for (let x = x0; x < x1; x += 1) {
            const pixel = (y >> 16) * width + x;
            sums[pixel] = (sums[pixel] as number) + weight;
            y += slope;
          }
        } else {
          const stride = dy > 0 ? width : -width;
          const slope = ((dx * 65536) / Math.abs(dy)) | 0;
          let x = (x0 << 16) + kHalf;
          let row = y0 * width;
          for (let left = Math.abs(dy); left > 0; left -= 1) {
            const pixel = row + (x >> 16);
            sums[pixel] = (sums[pixel] as number) + weight;
            x += slope;
            row += stride;
          }
        }
      }
    }
  }

  linesAt(x: number, y: number): number {
    return Math.floor((this.sums[y * this.width + x] as number) / this.unit);
  }

  /** Fills a picture of the same size. */
  resolve(picture: Uint32Array, { colours, opacity }: Shades): void {
    const alphas = new Uint32Array(256);
    for (let lines = 1; lines < 256; lines += 1) alphas[lines] = (Math.round(255 * (1 - (1 - opacity) ** lines)) << 24) >>> 0;
    const { sums, unit } = this;
    const share = (kShades - 1) / (kClasses - 1);
    for (let at = 0; at < sums.length; at += 1) {
      const sum = sums[at] as number;
      if (sum < unit) {
        picture[at] = 0;
        continue;
      }
      const lines = Math.floor(sum / unit);
      const shade = (((sum - lines * unit) / lines) * share + 0.5) | 0;
      picture[at] = ((alphas[lines < 255 ? lines : 255] as number) | (colours[shade] as number)) >>> 0;
    }
  }
}

/** Stops as [r, g, b] become 64 shades. */
export function shadesOf(stops: readonly (readonly [number, number, number])[]): Uint32Array {
  const shades = new Uint32Array(kShades);
  for (let at = 0; at < kShades; at += 1) {
    const place = (at / (kShades - 1)) * (stops.length - 1);
    const below = stops[Math.floor(place)] ?? [0, 0, 0];
    const above = stops[Math.ceil(place)] ?? below;
    const part = place - Math.floor(place);
    const mix = (index: 0 | 1 | 2) => Math.round(below[index] + (above[index] - below[index]) * part);
    shades[at] = (mix(0) | (mix(1) << 8) | (mix(2) << 16)) >>> 0;
  }
  return shades;
}

export const shadeCss = (shades: Uint32Array, unit: number): string => {
  const packed = shades[Math.min(kShades - 1, Math.max(0, Math.round(unit * (kShades - 1))))] ?? 0;
  return `rgb(${packed & 255} ${(packed >> 8) & 255} ${(packed >> 16) & 255})`;
};

/** The class of a goodness; what has none counts as the least. */
export const classOf = (good: number): number => (good < 0 ? 0 : Math.min(kClasses - 1, Math.floor(good * kClasses)));
