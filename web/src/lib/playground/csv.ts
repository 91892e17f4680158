// Comma-separated values after RFC 4180, forgiving where that loses nothing. Pure.

export interface CsvFault {
  /** From 1, as editors count. */
  line: number;
  kind: 'unclosed' | 'stray';
}

export interface Csv {
  rows: string[][];
  /** Where each row begins. */
  lines: number[];
  faults: CsvFault[];
  separator: string;
  /** There were more than `maxRows`; about how many in all, by line breaks. */
  more?: number;
}

const kSeparators = [',', '\t', ';'] as const;

/** What the first line has most of, outside quotes. */
export function separatorOf(text: string): string {
  const counts = new Map<string, number>();
  let quoted = false;
  for (let at = 0; at < text.length && at < 65_536; at += 1) {
    const c = text[at] as string;
    if (c === '"') quoted = !quoted;
    else if (!quoted && (c === '\n' || c === '\r')) break;
    else if (!quoted && (kSeparators as readonly string[]).includes(c)) counts.set(c, (counts.get(c) ?? 0) + 1);
  }
  const best = [...counts].sort((a, b) => b[1] - a[1])[0];
  return best?.[0] ?? ',';
}

function countLines(text: string, from: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/**
 * At most `maxRows` rows, blank lines left out. A quote that is never closed would swallow all that follows: the rows before it are kept,
 * and the fault names its line. Text behind a closing quote is kept as it stands, and named.
 */
export function parseCsv(text: string, maxRows: number, separator = separatorOf(text)): Csv {
  const csv: Csv = { rows: [], lines: [], faults: [], separator };
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    if (csv.rows.length === maxRows) {
      csv.more = maxRows + countLines(text, at) + (text.endsWith('\n') ? 0 : 1);
      break;
    }
    const begun = line;
    const row: string[] = [];
    let field = '';
    let stray = false;
    for (;;) {
      if (text[at] === '"' && field === '') {
        const opened = line;
        at += 1;
        for (;;) {
          const close = text.indexOf('"', at);
          if (close < 0) {
            csv.faults.push({ line: opened, kind: 'unclosed' });
            return csv;
          }
          const inside = text.slice(at, close);
          line += countLines(inside, 0);
          field += inside;
          at = close + 1;
          if (text[at] !== '"') break;
          field += '"';
          at += 1;
        }
        const next = text[at];
        stray ||= next !== undefined && next !== separator && next !== '\n' && next !== '\r';
      }
      let end = at;
      while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r') end += 1;
      field += text.slice(at, end);
      row.push(field);
      field = '';
      at = end + 1;
      if (text[end] === separator) continue;
      if (text[end] === '\r' && text[at] === '\n') at += 1;
      line += 1;
      break;
    }
    if (stray) csv.faults.push({ line: begun, kind: 'stray' });
    if (row.length === 1 && (row[0] as string).trim() === '') continue;
    csv.rows.push(row);
    csv.lines.push(begun);
  }
  return csv;
}

/** A spreadsheet would run what begins like a formula: an apostrophe keeps it text. */
const harmless = (cell: string): string => (/^[=+\-@\t\r]/.test(cell) && !/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(cell) ? `'${cell}` : cell);

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** With the mark by which spreadsheets know UTF-8. */
export const printCsv = (rows: readonly (readonly (string | number | boolean | undefined)[])[]): string =>
  `\uFEFF${rows.map((row) => row.map((cell) => quoted(harmless(cell === undefined ? '' : String(cell)))).join(',')).join('\r\n')}\r\n`;
