// Thousands of lines as a picture of how many lie on each pixel and of what colour they are on average. Lines are added and
// taken away exactly, so a brush draws only what it changes. Pure.

/** Classes of colour; a pixel holds the number of its lines and the sum of their classes in one exact number. */
export const kClasses = 16;
const kLine = 2 ** 24;
const kShades = 64;

export interface Shades {
  /** Packed as a canvas holds them in memory (ABGR on every machine that runs a browser), without opacity. */
  colours: Uint32Array;
  /** How opaque one line is. */
  opacity: number;
}

export class Density {
  readonly sums: Float64Array;

  constructor(readonly width: number, readonly height: number) {
    this.sums = new Float64Array(width * height);
  }

  copy(): Density {
    const made = new Density(this.width, this.height);
    made.sums.set(this.sums);
    return made;
  }

  /** A line through the points (xs[i], ys[from + i]); the points lie inside. `sign` is 1, or -1 for a line that was added. */
  line(xs: Int32Array, ys: Int16Array, from: number, points: number, colourClass: number, sign: 1 | -1): void {
    const { sums, width } = this;
    const weight = sign * (kLine + colourClass);
    for (let point = 1; point < points; point += 1) {
      const x0 = xs[point - 1] as number;
      const x1 = xs[point] as number;
      const y0 = ys[from + point - 1] as number;
      const y1 = ys[from + point] as number;
      const dx = x1 - x0;
      const dy = y1 - y0;
      if (Math.abs(dy) <= dx) {
        const slope = dx === 0 ? 0 : dy / dx;
        let y = y0 + 0.5;
        for (let x = x0; x < x1; x += 1) {
          sums[(y | 0) * width + x] = (sums[(y | 0) * width + x] as number) + weight;
          y += slope;
        }
      } else {
        const down = dy > 0;
        const slope = dx / Math.abs(dy);
        const stride = down ? width : -width;
        let x = x0 + 0.5;
        let row = y0 * width;
        for (let left = Math.abs(dy); left > 0; left -= 1) {
          sums[row + (x | 0)] = (sums[row + (x | 0)] as number) + weight;
          x += slope;
          row += stride;
        }
      }
    }
  }

  linesAt(x: number, y: number): number {
    return Math.floor((this.sums[y * this.width + x] as number) / kLine);
  }

  /** Fills a picture of the same size. */
  resolve(picture: Uint32Array, { colours, opacity }: Shades): void {
    const alphas = new Uint32Array(256);
    for (let lines = 1; lines < 256; lines += 1) alphas[lines] = (Math.round(255 * (1 - (1 - opacity) ** lines)) << 24) >>> 0;
    const { sums } = this;
    const last = kShades - 1;
    for (let at = 0; at < sums.length; at += 1) {
      const sum = sums[at] as number;
      if (sum < kLine) {
        picture[at] = 0;
        continue;
      }
      const lines = Math.floor(sum / kLine);
      const shade = (((sum - lines * kLine) / lines / (kClasses - 1)) * last + 0.5) | 0;
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
