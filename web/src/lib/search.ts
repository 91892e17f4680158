// What the palette offers. Pure.

export interface Choice {
  kind: 'view' | 'job' | 'run' | 'model' | 'id';
  name: string;
  detail: string;
  to: string;
}

const kMost = 12;

/** Choices whose name or detail holds every typed word; those that begin with the first word come first. */
export function find(choices: readonly Choice[], typed: string): readonly Choice[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const first = words[0];
  if (first === undefined) return choices.slice(0, kMost);
  const rank = (choice: Choice) => (choice.name.toLowerCase().startsWith(first) ? 0 : 1);
  return choices
    .filter((choice) => words.every((word) => `${choice.name} ${choice.detail}`.toLowerCase().includes(word)))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, kMost);
}

/** A full id can be opened even when this page has not seen it. */
export function idPath(typed: string): string | undefined {
  const match = /^(job|run)_[0-9a-z]{26}$/.exec(typed.trim());
  return match ? `/${match[1]}s/${match[0]}` : undefined;
}
