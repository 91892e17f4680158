// A prompt from an instruction, a table of examples and a question. Pure.

export interface Shot {
  input: string;
  output: string;
}

export interface Template {
  instruction: string;
  inputLabel: string;
  outputLabel: string;
  shots: Shot[];
  question: string;
}

export const kNoTemplate: Template = { instruction: '', inputLabel: 'Input:', outputLabel: 'Output:', shots: [], question: '' };

/** More are refused by most contexts anyway. */
export const kMaxShots = 50;

const joined = (label: string, value: string) => [label.trim(), value.trim()].filter((part) => part !== '').join(' ');

/**
 * The instruction, each example as two lines, and the question with the label of its answer, with blank lines between.
 * It ends without a blank: models write the blank themselves, and write worse behind one.
 */
export function promptOf(template: Template, question = template.question): string {
  const { instruction, inputLabel, outputLabel, shots } = template;
  const parts = [
    instruction.trim(),
    ...shots.filter(isFilled).map(({ input, output }) => `${joined(inputLabel, input)}\n${joined(outputLabel, output)}`),
    [joined(inputLabel, question), outputLabel.trim()].filter((line) => line !== '').join('\n'),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** A line of the table that nobody has written in counts for nothing. */
export const isFilled = ({ input, output }: Shot): boolean => input.trim() !== '' || output.trim() !== '';

export const withShot = (template: Template, index: number, part: Partial<Shot>): Template =>
  ({ ...template, shots: template.shots.map((one, at) => (at === index ? { ...one, ...part } : one)) });

export const withoutShot = (template: Template, index: number): Template =>
  ({ ...template, shots: template.shots.filter((_, at) => at !== index) });

/** Rows that were copied from a spreadsheet: two columns with a tab between them. Undefined where the text is nothing of the kind. */
export function pastedShots(text: string): Shot[] | undefined {
  const lines = text.replace(/\r\n?/g, '\n').split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0 || !lines.every((line) => line.includes('\t'))) return undefined;
  return lines.map((line) => {
    const [input = '', ...rest] = line.split('\t');
    return { input, output: rest.join(' ') };
  });
}

/** What was pasted replaces the line where it was pasted, when that is empty, and follows it otherwise. */
export function withPasted(template: Template, index: number, pasted: readonly Shot[]): Template {
  const here = template.shots[index];
  const keep = here !== undefined && isFilled(here);
  const shots = [...template.shots.slice(0, keep ? index + 1 : index), ...pasted, ...template.shots.slice(index + 1)];
  return { ...template, shots: shots.slice(0, kMaxShots) };
}

export const withFirstShots = (template: Template, count: number): Template =>
  ({ ...template, shots: template.shots.slice(0, count) });
