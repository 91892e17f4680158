// Changes that a guide proposes, as text and as a changed spec. Pure.
import type { JobSpec } from '../api/types';

type Fields = Record<string, unknown>;

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy of the spec in which each path has its new value; null takes the field away. */
export function withEdits(spec: JobSpec, edits: Readonly<Record<string, string>>): JobSpec {
  const copy = structuredClone(spec) as Fields;
  for (const [path, text] of Object.entries(edits)) {
    const names = path.split('.');
    const last = names.pop() as string;
    let holder = copy;
    for (const name of names) {
      if (!isFields(holder[name])) holder[name] = {};
      holder = holder[name] as Fields;
    }
    const value = parsed(text);
    if (value === null) delete holder[last];
    else holder[last] = value;
  }
  return copy as JobSpec;
}

/** {"resources.gpus": "4"} -> ["resources.gpus: 4"]; texts without their quotes. */
export function editLines(edits: Readonly<Record<string, string>>): string[] {
  return Object.entries(edits).map(([path, text]) => {
    const value = parsed(text);
    return value === null ? `− ${path}` : `${path}: ${typeof value === 'string' ? value : text}`;
  });
}

export interface Span {
  /** Shares of the bar, 0 to 1. */
  from: number;
  to: number;
  mark: number;
}

/** Where an interval of starts lies on a bar that begins now; undefined where a time is unreadable. */
export function spanOf(start: { early_at: string; typical_at: string; late_at: string }, nowMs: number): Span | undefined {
  const [early, typical, late] = [start.early_at, start.typical_at, start.late_at].map((at) => Math.max(Date.parse(at), nowMs));
  if (early === undefined || typical === undefined || late === undefined || !Number.isFinite(early + typical + late)) return undefined;
  // A little room to the right, so that the end is seen as an end.
  const whole = Math.max(1, (late - nowMs) * 1.15);
  const share = (at: number) => Math.min(1, (at - nowMs) / whole);
  return { from: share(early), to: share(late), mark: share(typical) };
}
