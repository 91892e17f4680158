// What the filter box offers while one types. Pure.

export interface Offer {
  /** What replaces the text from `from` to the cursor. */
  text: string;
  from: number;
}

const kMost = 12;
const kWord = /(?:[A-Za-z_][\w.]*\.(?:"[^"]*|`[^`]*)|[A-Za-z_][\w.]*)$/;
const kAfterField = /(?:[\w]+(?:\.(?:"[^"]*"|`[^`]*`|[\w.]+))?)\s+$/;
const kAfterSign = /([\w]+)\s*(?:=|!=)\s*("?[^"]*)$/;
const kAfterValue = /(?:"[^"]*"|'[^']*'|\d[\w.]*|\))\s+$/;

/** A field as the filter language writes it: `metrics."val/loss"`. */
export function fieldName(column: string): string {
  const dot = column.indexOf('.');
  if (dot < 0 || /^[\w.]+$/.test(column)) return column;
  const key = column.slice(dot + 1);
  return `${column.slice(0, dot)}."${key.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

const isOpen = (text: string): boolean => (text.replaceAll(/\\./g, '').split('"').length - 1) % 2 === 1;

/** Fields, comparisons, known words of a field, or `and` and `or`, whichever can stand at the end of `before`. */
export function offers(before: string, fields: readonly string[], words: Readonly<Record<string, readonly string[]>>): Offer[] {
  const value = kAfterSign.exec(before);
  const known = value && words[value[1] as string];
  if (known) {
    const typed = (value[2] as string).replace(/^"/, '').toLowerCase();
    const from = before.length - (value[2] as string).length;
    return known.filter((word) => word.startsWith(typed)).map((word) => ({ text: `"${word}" `, from }));
  }
  const word = kWord.exec(before)?.[0] ?? '';
  if (isOpen(before) && !word.includes('"')) return [];
  const from = before.length - word.length;
  const ahead = before.slice(0, from);
  if (word === '' && /[=<>,(]\s*(?:[-+\d][\w.+-]*)?$/.test(before) && !/(?:^|\s)\($/.test(before)) return [];
  if (kAfterValue.test(ahead)) return ['and ', 'or '].filter((one) => one.startsWith(word.toLowerCase())).map((text) => ({ text, from }));
  if (word === '' && kAfterField.test(before) && !/(?:^|\s)(?:and|or|not)\s+$/i.test(before))
    return ['= ', '!= ', '< ', '<= ', '> ', '>= ', 'in ('].map((text) => ({ text, from }));
  const typed = word.toLowerCase().replaceAll(/["`]/g, '');
  return fields
    .filter((field) => field.toLowerCase().includes(typed))
    .sort((a, b) => Number(b.toLowerCase().startsWith(typed)) - Number(a.toLowerCase().startsWith(typed)))
    .slice(0, kMost)
    .map((field) => ({ text: `${fieldName(field)} `, from }))
    .filter(({ text }) => text.trimEnd() !== word);
}
