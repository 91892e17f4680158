// The stream of an answer: server-sent events, and what OpenAI's chunks in them say. Pure.

/** Bytes of text/event-stream, in pieces as they come, into the data of whole events. */
export class EventReader {
  private rest = '';
  private data: string[] = [];

  /** A line that never ends is no stream of ours. */
  static readonly kMaxLine = 8 << 20;

  feed(piece: string): string[] {
    this.rest += piece;
    const events: string[] = [];
    for (;;) {
      const end = this.rest.search(/\r\n|\n|\r(?!$)/);
      if (end < 0) break;
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + (this.rest.startsWith('\r\n', end) ? 2 : 1));
      if (line === '') {
        if (this.data.length > 0) events.push(this.data.join('\n'));
        this.data = [];
      } else if (line.startsWith('data:')) {
        this.data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
      }
    }
    if (this.rest.length > EventReader.kMaxLine) throw new Error('a line of the stream has no end');
    return events;
  }
}

export interface Alternative {
  text: string;
  logprob: number;
}

/** `text` is "bytes:\xe2\x80" where the token is a part of a character. */
export interface RawToken extends Alternative {
  top: Alternative[];
}

export interface Usage {
  promptTokens: number;
  completionTokens: number;
  cachedTokens: number;
}

export type Chunk =
  | { kind: 'text'; choice: number; text: string; tokens: RawToken[]; finish?: string; stopReason?: string; fingerprint: string }
  | { kind: 'usage'; usage: Usage }
  | { kind: 'error'; message: string }
  | { kind: 'done' }
  | { kind: 'none' };

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const word = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** {"error": {"message", "param"}} as one sentence. */
export function errorSentence(body: unknown): string {
  const error = fields(body)['error'];
  if (typeof error === 'string') return error;
  return word(fields(error)['message']) || word(fields(body)['detail']) || word(fields(body)['message']);
}

function completionTokens(logprobs: Fields): RawToken[] {
  const tops = list(logprobs['top_logprobs']);
  const chances = list(logprobs['token_logprobs']);
  return list(logprobs['tokens']).map((token, at) => ({
    text: word(token),
    logprob: number(chances[at]),
    top: Object.entries(fields(tops[at])).map(([text, logprob]) => ({ text, logprob: number(logprob) })).sort((a, b) => b.logprob - a.logprob),
  }));
}

const hex = (bytes: readonly unknown[]) => `bytes:${bytes.map((byte) => `\\x${number(byte).toString(16).padStart(2, '0')}`).join('')}`;

/** Chats name the bytes of each token; a token that is no whole character gets the form of completions. */
function chatToken(entry: unknown): Alternative {
  const one = fields(entry);
  const bytes = list(one['bytes']);
  const text = word(one['token']);
  return { text: text.includes('\uFFFD') && bytes.length > 0 ? hex(bytes) : text, logprob: number(one['logprob']) };
}

const chatTokens = (content: readonly unknown[]): RawToken[] =>
  content.map((entry) => ({ ...chatToken(entry), top: list(fields(entry)['top_logprobs']).map(chatToken) }));

/** Errors: throws where the data is no JSON. */
export function readChunk(data: string): Chunk {
  if (data === '[DONE]') return { kind: 'done' };
  const chunk = fields(JSON.parse(data));
  if (chunk['error'] !== undefined) return { kind: 'error', message: errorSentence(chunk) };
  const choice = fields(list(chunk['choices'])[0]);
  if (Object.keys(choice).length === 0) {
    const usage = fields(chunk['usage']);
    if (Object.keys(usage).length === 0) return { kind: 'none' };
    return {
      kind: 'usage',
      usage: {
        promptTokens: number(usage['prompt_tokens']), completionTokens: number(usage['completion_tokens']),
        cachedTokens: number(fields(usage['prompt_tokens_details'])['cached_tokens']),
      },
    };
  }
  const logprobs = fields(choice['logprobs']);
  const finish = word(choice['finish_reason']);
  const stopReason = word(choice['stop_reason']);
  return {
    kind: 'text',
    choice: number(choice['index']),
    text: word(choice['text']) || word(fields(choice['delta'])['content']),
    tokens: logprobs['content'] !== undefined ? chatTokens(list(logprobs['content'])) : completionTokens(logprobs),
    fingerprint: word(chunk['system_fingerprint']),
    ...(finish ? { finish } : {}),
    ...(stopReason ? { stopReason } : {}),
  };
}
