// A file of prompts: which column is asked, which one holds the answer that was hoped for. Pure.
import { parseCsv, type Csv, type CsvFault } from './csv';
import { decode, type Encoding } from './decode';

/** More prompts take hours and belong to `galley generate --batch`. */
export const kMaxPrompts = 2000;
export const kMaxFileBytes = 32 << 20;

export interface Sheet {
  name: string;
  encoding: Encoding;
  rows: string[][];
  lines: number[];
  faults: CsvFault[];
  /** Rows in all, where not all were taken. */
  more?: number;
}

export type SheetFault =
  | { kind: 'size'; bytes: number }
  | { kind: 'encoding' }
  | { kind: 'empty' };

export function readSheet(name: string, bytes: Uint8Array): Sheet | SheetFault {
  if (bytes.length > kMaxFileBytes) return { kind: 'size', bytes: bytes.length };
  const decoded = decode(bytes);
  if ('fault' in decoded) return { kind: 'encoding' };
  // A header comes before the prompts.
  const csv: Csv = parseCsv(decoded.text, kMaxPrompts + 1);
  if (csv.rows.length === 0 && csv.faults.length === 0) return { kind: 'empty' };
  return {
    name, encoding: decoded.encoding, rows: csv.rows, lines: csv.lines, faults: csv.faults,
    ...(csv.more === undefined ? {} : { more: csv.more }),
  };
}

export interface Columns {
  header: boolean;
  prompt: number;
  /** -1: nobody says what a good answer is. */
  expected: number;
}

const kPromptNames = ['prompt', 'input', 'question', 'query', 'text', '프롬프트', '입력', '질문', '질의', '문장'];
const kExpectedNames = ['expected', 'answer', 'output', 'target', 'reference', 'label', '기대', '정답', '답', '출력'];

const named = (cells: readonly string[], names: readonly string[]): number =>
  cells.findIndex((cell) => names.includes(cell.trim().toLowerCase()));

/** The first row is a header where it names a column that we know. */
export function guessColumns(rows: readonly (readonly string[])[]): Columns {
  const first = rows[0] ?? [];
  const prompt = named(first, kPromptNames);
  const expected = named(first, kExpectedNames);
  const header = prompt >= 0 || expected >= 0;
  return { header, prompt: Math.max(0, prompt === expected ? 0 : prompt), expected: expected === prompt ? -1 : expected };
}

export const widthOf = (rows: readonly (readonly string[])[]): number => rows.reduce((most, row) => Math.max(most, row.length), 0);

/** What the columns are called: by the header, else by their number. */
export function columnNames(sheet: Sheet, columns: Columns, numbered: (n: number) => string): string[] {
  const first = columns.header ? (sheet.rows[0] ?? []) : [];
  return Array.from({ length: widthOf(sheet.rows) }, (_, at) => first[at]?.trim() || numbered(at + 1));
}

/** Prompts in the file, whether or not they are taken; a count by line breaks where it is a large one. */
export const totalOf = (sheet: Sheet, columns: Columns): number =>
  (sheet.more ?? sheet.rows.length) - (columns.header ? 1 : 0);

export interface Question {
  line: number;
  prompt: string;
  expected: string;
  /** The row has fewer columns than are needed. */
  short: boolean;
}

export function questionsOf(sheet: Sheet, columns: Columns): Question[] {
  const skipped = columns.header ? 1 : 0;
  return sheet.rows.slice(skipped, skipped + kMaxPrompts).map((row, at) => ({
    line: sheet.lines[at + skipped] as number,
    prompt: row[columns.prompt] ?? '',
    expected: columns.expected < 0 ? '' : (row[columns.expected] ?? ''),
    short: row.length <= columns.prompt,
  }));
}
