// OpenAI's routes, which `galley up` and `galley serve` share. A `galley serve` may ask for a key of its own.
import { errorSentence } from '../lib/playground/events';
import type { Body } from '../lib/playground/request';
import { ApiProblem, tellUnauthenticated } from './client';

export interface LanguageModel {
  id: string;
  context_length: number;
  created: number;
  /** Stands for the weights. */
  snapshot?: string;
  parameters?: number;
  /** Of an adapter: its model. */
  parent?: string;
}

const kListMs = 30_000;

const headersOf = (key: string): Record<string, string> => (key ? { authorization: `Bearer ${key}` } : {});

async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text().catch(() => '');
  let sentence = '';
  try {
    sentence = errorSentence(JSON.parse(text));
  } catch {
    // Not ours: a proxy's page, perhaps.
    sentence = text.slice(0, 300);
  }
  return new ApiProblem(response.status, sentence || response.statusText || String(response.status));
}

async function send(path: string, request: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...request });
  } catch (failure) {
    if (request.signal?.aborted) throw failure;
    throw new ApiProblem(0, failure instanceof Error ? failure.message : String(failure));
  }
  if (response.status === 401) tellUnauthenticated();
  if (!response.ok) throw await problemOf(response);
  return response;
}

export async function languageModels(key: string): Promise<LanguageModel[]> {
  const response = await send('/v1/models', { headers: headersOf(key), signal: AbortSignal.timeout(kListMs) });
  return ((await response.json()) as { data: LanguageModel[] }).data;
}

/**
 * Sends the body and hands over the stream's text, piece by piece, until it ends. Throws an ApiProblem where the server refuses or cannot
 * be reached, and what `fetch` throws when the stream breaks off or the signal fires.
 */
export async function stream(path: string, body: Body, key: string, signal: AbortSignal, take: (piece: string) => void): Promise<void> {
  const response = await send(path, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headersOf(key) }, body: JSON.stringify(body), signal,
  });
  const reader = response.body?.getReader();
  if (!reader) return;
  // Characters may be cut between two pieces.
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    take(decoder.decode(value, { stream: true }));
  }
}
