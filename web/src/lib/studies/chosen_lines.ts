// The chosen ones of many lines as a density, brought up to date with as little drawing as that takes. Pure.
import { Density, type Lines } from './density';

export class ChosenLines {
  readonly shown: Density;
  /** By line: 1 where `shown` has it. */
  private readonly mask: Uint8Array;
  private readonly changes: Uint32Array;
  private pending = 0;
  private done = 0;
  private added = 0;

  /** `all` has every line; it is looked at and left as it is. */
  constructor(private readonly lines: Lines, private readonly all: Density) {
    this.shown = all.copy();
    this.mask = new Uint8Array(lines.count).fill(1);
    this.changes = new Uint32Array(lines.count);
  }

  /** From now on `shown` is on its way to what `mask` chooses: from what it has, from nothing or from all lines, whichever is nearest. */
  aim(mask: Uint8Array, chosen: number): void {
    const { count } = this.lines;
    let differ = 0;
    for (let line = 0; line < count; line += 1) differ += mask[line] === this.mask[line] ? 0 : 1;
    if (count - chosen < Math.min(differ, chosen)) {
      this.shown.sums.set(this.all.sums);
      this.mask.fill(1);
    } else if (chosen < differ) {
      this.shown.sums.fill(0);
      this.mask.fill(0);
    }
    // Those to be added first, then those to be taken away.
    let next = 0;
    for (let line = 0; line < count; line += 1) if (mask[line] === 1 && this.mask[line] === 0) this.changes[next++] = line;
    this.added = next;
    for (let line = 0; line < count; line += 1) if (mask[line] === 0 && this.mask[line] === 1) this.changes[next++] = line;
    this.pending = next;
    this.done = 0;
  }

  /** Draws up to `most` lines; the lines that are left. */
  draw(most: number): number {
    while (most > 0 && this.done < this.pending) {
      const adds = this.done < this.added;
      const to = Math.min(this.done + most, adds ? this.added : this.pending);
      this.shown.add(this.lines, this.changes, this.done, to, adds ? 1 : -1);
      for (let at = this.done; at < to; at += 1) this.mask[this.changes[at] as number] = adds ? 1 : 0;
      most -= to - this.done;
      this.done = to;
    }
    return this.pending - this.done;
  }
}
