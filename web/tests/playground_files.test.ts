import { describe, expect, it } from 'vitest';

import { parseCsv, printCsv, separatorOf } from '../src/lib/playground/csv';
import { decode } from '../src/lib/playground/decode';
import { columnNames, guessColumns, kMaxFileBytes, kMaxPrompts, questionsOf, readSheet, totalOf, type Sheet } from '../src/lib/playground/sheet';

const utf8 = (text: string) => new TextEncoder().encode(text);
const utf16 = (text: string, little: boolean, mark: boolean) => {
  const units = [...(mark ? '\uFEFF' : '') + text].flatMap((c) => c.split(''));
  return new Uint8Array(units.flatMap((unit) => {
    const code = unit.charCodeAt(0);
    return little ? [code & 0xff, code >> 8] : [code >> 8, code & 0xff];
  }));
};
// "질문,답" and a line of it, as a Korean spreadsheet saves it.
const kEucKr = new Uint8Array([0xc1, 0xfa, 0xb9, 0xae, 0x2c, 0xb4, 0xe4, 0x0a, 0xb0, 0xa1, 0x2c, 0xb3, 0xaa, 0x0a]);

describe('decode', () => {
  it('knows the encodings of spreadsheets', () => {
    expect(decode(utf8('질문,답'))).toEqual({ text: '질문,답', encoding: 'UTF-8' });
    expect(decode(new Uint8Array([0xef, 0xbb, 0xbf, ...utf8('a,b')]))).toEqual({ text: 'a,b', encoding: 'UTF-8' });
    for (const little of [true, false])
      for (const mark of [true, false])
        expect(decode(utf16('prompt,질문 하나', little, mark)), `${little} ${mark}`).toEqual({ text: 'prompt,질문 하나', encoding: 'UTF-16' });
    expect(decode(kEucKr)).toEqual({ text: '질문,답\n가,나\n', encoding: 'EUC-KR' });
    expect(decode(new Uint8Array())).toEqual({ text: '', encoding: 'UTF-8' });
  });

  it('refuses what is none of them', () => {
    expect(decode(new Uint8Array([0x61, 0xff, 0xff, 0x2c]))).toEqual({ fault: 'encoding' });
    expect(decode(new Uint8Array([0xff, 0xfe, 0x61]))).toEqual({ fault: 'encoding' });
    expect(decode(new Uint8Array([0xff, 0xfe, 0x00, 0xd8]))).toEqual({ fault: 'encoding' });
  });
});

describe('parseCsv', () => {
  it('reads quotes, line breaks inside them, and every kind of line end', () => {
    const csv = parseCsv('\uFEFFprompt,answer\r\n"a ""b"", c","two\nlines"\r\n\r\nlast,\n', 100);
    expect(csv.rows).toEqual([['prompt', 'answer'], ['a "b", c', 'two\nlines'], ['last', '']]);
    expect(csv.lines).toEqual([1, 2, 5]);
    expect(csv.faults).toEqual([]);
    expect(csv.more).toBeUndefined();
    expect(parseCsv('a\rb\rc', 9).rows).toEqual([['a'], ['b'], ['c']]);
    expect(parseCsv('', 9).rows).toEqual([]);
  });

  it('finds the separator', () => {
    expect(separatorOf('a\tb\tc\nx,y')).toBe('\t');
    expect(separatorOf('a;b;"c,d,e,f"')).toBe(';');
    expect(separatorOf('alone')).toBe(',');
    expect(parseCsv('a;"b;c"', 9).rows).toEqual([['a', 'b;c']]);
  });

  it('keeps what stands before a quote that is never closed, and says where', () => {
    const csv = parseCsv('a,b\nc,d\ne,"f\ng,h\n', 100);
    expect(csv.rows).toEqual([['a', 'b'], ['c', 'd']]);
    expect(csv.faults).toEqual([{ line: 3, kind: 'unclosed' }]);
  });

  it('keeps text behind a closing quote, and says where', () => {
    const csv = parseCsv('"a"b,c\n5" disk,d\n', 100);
    expect(csv.rows).toEqual([['ab', 'c'], ['5" disk', 'd']]);
    expect(csv.faults).toEqual([{ line: 1, kind: 'stray' }]);
  });

  it('stops where it may take no more, and counts what is left', () => {
    const csv = parseCsv('x\n'.repeat(1_000_000), 2001);
    expect(csv.rows.length).toBe(2001);
    expect(csv.more).toBe(1_000_000);
    expect(parseCsv('a\nb\nc', 2).more).toBe(3);
    expect(parseCsv('a\nb\n', 2).more).toBeUndefined();
  });

  it('reads again what printCsv writes', () => {
    const rows = [['a,b', 'c"d'], ['두\n줄', 'x']];
    expect(parseCsv(printCsv(rows), 9).rows).toEqual(rows);
  });

  it('is printed so that no spreadsheet runs it', () => {
    expect(printCsv([['=1+1', '+x', '-x', '@x', -1.5, 'ok', undefined, true]])).toBe("\uFEFF'=1+1,'+x,'-x,'@x,-1.5,ok,,true\r\n");
  });
});

describe('a file of prompts', () => {
  const sheet = (text: string) => readSheet('p.csv', utf8(text)) as Sheet;

  it('guesses its columns by their names, in two languages', () => {
    expect(guessColumns([['id', 'Prompt', 'expected']])).toEqual({ header: true, prompt: 1, expected: 2 });
    expect(guessColumns([['번호', '질문', '정답']])).toEqual({ header: true, prompt: 1, expected: 2 });
    expect(guessColumns([['What is it?', 'A test']])).toEqual({ header: false, prompt: 0, expected: -1 });
    expect(guessColumns([])).toEqual({ header: false, prompt: 0, expected: -1 });
  });

  it('has a question for each row, with its line', () => {
    const read = sheet('id,prompt,answer\n1,"two\nlines",x\n2\n3,c,z\n');
    const columns = guessColumns(read.rows);
    expect(questionsOf(read, columns)).toEqual([
      { line: 2, prompt: 'two\nlines', expected: 'x', short: false },
      { line: 4, prompt: '', expected: '', short: true },
      { line: 5, prompt: 'c', expected: 'z', short: false },
    ]);
    expect(columnNames(read, columns, (n) => `#${n}`)).toEqual(['id', 'prompt', 'answer']);
    expect(columnNames(read, { ...columns, header: false }, (n) => `#${n}`)).toEqual(['#1', '#2', '#3']);
  });

  it('takes so many and no more, and knows how many there were', () => {
    const read = sheet(`prompt\n${'x\n'.repeat(1_000_000)}`);
    const columns = guessColumns(read.rows);
    expect(questionsOf(read, columns).length).toBe(kMaxPrompts);
    expect(totalOf(read, columns)).toBe(1_000_000);
    const bare = sheet('x\n'.repeat(kMaxPrompts + 1));
    expect(questionsOf(bare, guessColumns(bare.rows)).length).toBe(kMaxPrompts);
    expect(totalOf(bare, guessColumns(bare.rows))).toBe(kMaxPrompts + 1);
  });

  it('is refused with its reason', () => {
    expect(readSheet('p.csv', utf8(''))).toEqual({ kind: 'empty' });
    expect(readSheet('p.csv', new Uint8Array([0x61, 0xff, 0xff]))).toEqual({ kind: 'encoding' });
    expect(readSheet('p.csv', new Uint8Array(kMaxFileBytes + 1))).toEqual({ kind: 'size', bytes: kMaxFileBytes + 1 });
    expect((readSheet('p.csv', utf8('"open')) as Sheet).faults).toEqual([{ line: 1, kind: 'unclosed' }]);
  });
});
