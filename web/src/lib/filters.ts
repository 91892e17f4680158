// The state chips are a shorthand for one term of the filter language. Pure.

const kTerm = /^state = "([a-z_]+)"(?: and \((.*)\))?$/s;

/** Splits a filter into the chip that is on and the rest; a filter of another shape has no chip. */
export function splitFilter(filter: string): { state: string; rest: string } {
  const match = kTerm.exec(filter.trim());
  return match ? { state: match[1] as string, rest: match[2] ?? '' } : { state: '', rest: filter };
}

export function joinFilter(state: string, rest: string): string {
  const more = rest.trim();
  if (state === '') return more;
  return more === '' ? `state = "${state}"` : `state = "${state}" and (${more})`;
}
