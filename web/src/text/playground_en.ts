// The words of the playground, which only its own view loads.
import type { BuiltIn, KnobName } from '../lib/playground/knobs';
import type { ChosenBy, Failure, Match, RowState, Scorer } from '../lib/playground/results';

interface KnobText {
  name: string;
  says: string;
}

export const playgroundEn = {
  lead: 'Try a prompt, compare settings and models, and keep what came of it.',
  tabs: 'What is tried', language: 'Language models', classifiers: 'Classifiers',
  noModels: 'No language model is served here yet.', noModelsCommand: 'galley serve --model MODEL', lookAgain: 'Look again',
  keyTitle: 'This server asks for a key', keyName: 'Key', keySend: 'Use this key', keyRefused: 'The server does not take this key.',
  keySays: 'It is the one in the file that the server was started with. It is kept until this window is closed.',
  modelsFailed: 'the list of models',

  promptTitle: 'Prompt', ways: 'How the prompt is made',
  way: { free: 'Write it', examples: 'Build from examples', file: 'A file of prompts' },
  prompt: 'Prompt', promptPlaceholder: 'Once upon a time', promptHint: 'The model goes on where your text ends. Ctrl-Enter runs.',
  form: 'Sent as', forms: { text: 'Text, to be continued', chat: 'A message, to be answered' },
  formSays: 'Models that were trained to talk want a message; others go on with a text.',
  sample: 'Start from an example', sampleNone: 'Choose…', shotsOf: 'with', shotCounts: { 0: 'no examples', 1: 'one example', 3: 'three examples' },
  instruction: 'Instruction', instructionPlaceholder: 'What the model shall do, in one or two sentences',
  inputLabel: 'Before each input', outputLabel: 'Before each answer', shots: 'Examples', input: 'Input', output: 'Answer',
  shotInput: (n: number) => `Input of example ${n}`, shotOutput: (n: number) => `Answer of example ${n}`,
  addShot: 'Add an example', removeShot: (n: number) => `Remove example ${n}`, pasteHint: 'Two columns of a spreadsheet can be pasted here.',
  question: 'Your question', questionPlaceholder: 'What the model shall answer now', preview: 'What will be sent', noShots: 'No examples yet: the model has the instruction alone.',

  settingsTitle: 'Settings', lane: (id: string) => `Setting ${id}`, addLane: 'Compare with another', removeLane: (id: string) => `Remove setting ${id}`,
  lanes: 'Settings to compare', model: 'Model', preset: 'Preset', presetOwn: 'Changed', presetSave: 'Save as preset', presetName: 'Name of the preset',
  presetSaveNow: 'Save', presetDelete: (name: string) => `Delete the preset ${name}`, presetSays: 'Presets, results and your desk are kept in this browser, for you alone.',
  presetTaken: 'The page has a preset of this name: choose another.',
  presets: { planner: 'Planner', both: 'Planner, both ways', varied: 'Varied', exact: 'Exact' } as Record<BuiltIn, string>,
  more: 'More settings', context: (tokens: string) => `reads ${tokens} tokens`, snapshot: (mark: string) => `snapshot ${mark}`,
  scorer: 'Who chooses between answers', scorers: {
    user: 'I do', likelihood: 'The model’s own probability', expected: 'Closeness to the expected answer',
  } as Record<Scorer, string>,

  knobs: {
    max_tokens: { name: 'Longest answer', says: 'In tokens: a short word is one, a long one two or three. More costs more time.' },
    greedy: { name: 'Greedy', says: 'On: always the likeliest word, the same answer each time. Off: words are drawn by their chances. Both: one answer of each kind, to choose from.' },
    temperature: { name: 'Temperature', says: 'How daring the draw is. 0.3 stays close to the likeliest words, 1 takes the chances as they are.' },
    top_p: { name: 'Top p', says: 'Draws from the likeliest words that together have this share of the chances. 1 leaves all in.' },
    top_k: { name: 'Top k', says: 'Draws from so many of the likeliest words. 0 leaves all in.' },
    repetition_penalty: { name: 'Repetition penalty', says: 'Makes words that were used already less likely. 1 does nothing, 5 is strong.' },
    stop: { name: 'Stop at', says: 'The answer ends before any of these, one a line. \\n is a line break.' },
    start: { name: 'Start text', says: 'Put behind your prompt before the model begins, such as “\\nA: ”.' },
    restart: { name: 'Restart text', says: 'Put behind the answer, ready for your next question, such as “\\nQ: ”.' },
    seed: { name: 'Seed', says: 'The same number draws the same words again. Empty: a new one each time, which the result remembers.' },
    n: { name: 'Answers', says: 'How many are drawn at once, one row each.' },
    min_p: { name: 'Min p', says: 'Leaves out words with less than this share of the likeliest one’s chance. 0 leaves all in.' },
    presence_penalty: { name: 'Presence penalty', says: 'Above 0: words that came once become less likely, so that the subject changes.' },
    frequency_penalty: { name: 'Frequency penalty', says: 'Above 0: the more often a word came, the less likely it becomes.' },
    repetition_penalty_scope: { name: 'Penalty counts', says: 'Whether the words of the prompt count as used, or those of the answer alone.' },
    speculation: { name: 'Guess ahead', says: 'Ways to be faster. The answer stays the same.' },
    recompute: { name: 'Recompute', says: 'Keeps nothing from word to word: the same answer, far slower. For checking.' },
    ignore_eos: { name: 'Never end early', says: 'Goes on to the longest answer even where the model would stop. For measuring.' },
    grammar: { name: 'Grammar', says: 'Rules in GBNF that the answer must follow.' },
  } as Record<KnobName, KnobText>,
  choices: {
    greedy: { off: 'Off', on: 'On', both: 'Both' },
    repetition_penalty_scope: { '': 'As the server does', output: 'The answer', all: 'Prompt and answer' },
    speculation: { '': 'As the server does', none: 'No', prompt_lookup: 'From the prompt', draft_model: 'By a smaller model' },
  } as Record<string, Record<string, string>>,
  fault: (name: string, min: string, max: string, whole: boolean, above: boolean) =>
    `${name}: ${whole ? 'a whole number' : 'a number'} ${above ? 'above' : 'from'} ${min} ${above ? 'and at most' : 'to'} ${max}.`,

  run: 'Run', runAll: (prompts: string, settings: number) => `Run ${prompts} prompts${settings > 1 ? ` with ${settings} settings` : ''}`,
  stop: 'Stop', running: 'Running…', progress: (done: string, all: string) => `${done} of ${all} answered`,

  fileChoose: 'Choose a CSV file', fileSays: (most: string, size: string) =>
    `Comma, tab or semicolon; UTF-8, UTF-16 or EUC-KR; at most ${most} prompts and ${size}. A column with the expected answers is compared.`,
  fileRead: (name: string, prompts: string, encoding: string) => `${name}: ${prompts} prompts, read as ${encoding}.`,
  fileHeader: 'The first row has names', filePrompt: 'Prompts are in', fileExpected: 'Expected answers are in', fileNone: 'no column', column: (n: number) => `column ${n}`,
  fileWrap: 'Ask each as the question of the examples', filePreview: 'The first of them', fileLine: 'Line',
  fileMore: (taken: string, all: string) => `The file has ${all} prompts; the first ${taken} are taken. For more: galley generate --batch.`,
  fileTooLarge: (size: string, most: string) => `The file has ${size}; at most ${most} are read here. For more: galley generate --batch.`,
  fileEncoding: 'The file is neither UTF-8, UTF-16 nor EUC-KR: save it as UTF-8 and choose it again.',
  fileEmpty: 'There is nothing in the file.', fileUnreadable: (why: string) => `The browser cannot read the file: ${why}`,
  fileUnclosed: (line: number, rows: string) => `Line ${line}: a quote is opened and never closed. The ${rows} rows before it are taken.`,
  fileStray: (line: number) => `Line ${line}: there is text behind a closing quote; it is taken as it stands.`,
  fileShort: (line: number) => `Line ${line}: the row is too short to have a prompt.`, fileOthers: (n: string) => `And ${n} more like these.`,

  answers: 'Answers', greedyWord: 'Greedy', sampledWord: 'Sampled', pick: 'Take this one', carryOn: 'Go on from here',
  picked: { user: 'Your choice', likelihood: 'More probable', expected: 'Closer to what was expected' } as Record<ChosenBy, string>,
  likely: (percent: string) => `${percent} a token`, likelySays: 'How sure the model was of its words: the geometric mean of their probabilities',
  state: { waiting: 'Waiting', running: 'Writing', done: 'Done', failed: 'Failed', stopped: 'Stopped' } as Record<RowState, string>,
  finish: { stop: 'ended by itself', length: 'reached its longest length' } as Record<string, string>, finishAt: (stop: string) => `ended at “${stop}”`,
  firstMs: (ms: string) => `first word after ${ms} ms`, totalMs: (ms: string) => `${ms} ms in all`, count: (n: string) => `${n} tokens`,
  asText: 'Text', asTokens: 'Tokens', tokensOf: 'Form of the answer', tokenPick: 'Choose a token to see what else could have stood there.',
  tokenOf: (piece: string, percent: string) => `${piece}: ${percent}`, instead: (piece: string) => `In the place of ${piece}`, shades: ['Sure', 'Likely', 'Open', 'Unlikely', 'Surprising'],
  noTokens: 'Probabilities are kept for the newest answers, until the page is closed.',
  failure: {
    refused: 'The server refused.', unreachable: 'The server does not answer.', stalled: 'The server has sent nothing for a while; what came before is kept.',
    cut: 'The connection ended before the answer did; what came before is kept.', garbled: 'The server sent something that is no answer; what came before is kept.',
    broken: 'The server could not go on; what came before is kept.', empty: 'The prompt is empty: nothing was sent.', left: 'The page was closed while this was written.',
  } as Record<Failure['kind'], string>,

  results: 'Results', resultsEmpty: 'Every answer becomes a row here, with its model and all its settings.', setting: 'Setting', answer: 'Answer',
  rating: 'Rating', rate: (stars: number, prompt: string) => `${stars} of 5 for “${prompt}”`, ratingOf: (prompt: string) => `Rating of the answer to “${prompt}”`,
  expected: 'Expected', match: { same: 'Same', contains: 'Contains it', different: 'Different' } as Record<Match, string>, how: 'Decoding',
  length: 'Tokens', time: 'First / whole (ms)', actions: 'Actions', code: 'Copy as code', again: 'Run again', remove: 'Delete', useAgain: 'Put on the desk',
  exportCsv: 'Export CSV', exportJson: 'Export JSON', clear: 'Delete all', clearTitle: (n: string) => `Delete ${n} results?`,
  clearSays: 'They are kept nowhere else. Export them first if they may be needed.', deleted: (n: string) => `${n} results were deleted.`, shown: (n: string, all: string) => `${n} of ${all} shown`, keepsAll: 'Kept in this browser.',
  keepsSome: (n: string) => `This browser has room for the newest ${n}: export the others before you close the page.`, keepsNone: 'This browser keeps nothing for this page: export the results before you close it.',
  from: (file: string, line: number) => `${file}, line ${line}`,

  snapshotName: 'Snapshot', modelAndParameters: 'Model and parameters', differing: 'What differs', same: 'nothing',
  compareTitle: 'Side by side', compareAnswers: 'Answers', compareFailed: 'Failed', compareRating: 'Mean rating', compareRated: (n: string) => `of ${n}`,
  compareSame: 'As expected', compareChosen: 'Chosen', compareFirst: 'First (ms)', compareTotal: 'Whole (ms)',

  codeTitle: 'Get this answer from a program', codeCurl: 'curl', codePython: 'Python', codeForms: 'Languages', codeClose: 'Done',
  codeToken: 'GALLEY_TOKEN is a token of yours: make one in Account.', codeKey: 'GALLEY_API_KEY is the key that this server asks for.',
  codeChoices: (n: number) => `The request has several answers; this is number ${n}.`, codeSeed: 'The same seed gives the same text as long as the snapshot stays.', copyCode: 'Copy the code',
};

export type PlaygroundText = typeof playgroundEn;
