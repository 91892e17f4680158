/** What the server said when it refused: problem+json, or the closest we can build from the answer. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly hint: string = '',
    readonly requestId: string = '',
  ) {
    super(detail);
  }
}

/** Told of each 401, so that the page can ask for a login wherever it happens. */
let onUnauthenticated: () => void = () => {};
export const tellUnauthenticated = (): void => onUnauthenticated();
export function whenUnauthenticated(listener: () => void): void {
  onUnauthenticated = listener;
}

const kTimeoutMs = 30_000;

async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text().catch(() => '');
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    const word = (key: string) => (typeof body[key] === 'string' ? (body[key] as string) : '');
    const detail = word('detail') || word('title') || word('error') || response.statusText;
    return new ApiProblem(response.status, detail, word('hint'), word('request_id'));
  } catch {
    return new ApiProblem(response.status, text.slice(0, 300) || response.statusText);
  }
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const request: RequestInit = {
    method,
    credentials: 'same-origin',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(kTimeoutMs),
  };
  // A write always says JSON: the server refuses cookie-authenticated writes that do not.
  if (method !== 'GET') {
    request.headers = { accept: 'application/json', 'content-type': 'application/json' };
    request.body = JSON.stringify(body ?? {});
  }
  let response: Response;
  try {
    response = await fetch(path, request);
  } catch (failure) {
    throw new ApiProblem(0, failure instanceof Error ? failure.message : String(failure));
  }
  if (response.status === 401) onUnauthenticated();
  if (!response.ok) throw await problemOf(response);
  return response;
}

export async function getJson<T>(path: string): Promise<T> {
  return (await (await send('GET', path)).json()) as T;
}

export async function writeJson<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const response = await send(method, path, body);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** `/a` + {limit: 5, filter: ''} -> `/a?limit=5`; empty values are left out. */
export function withQuery(path: string, query: Record<string, string | number | string[] | undefined>): string {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const one of value) parts.append(key, one);
    else if (value !== undefined && value !== '') parts.append(key, String(value));
  }
  const text = parts.toString();
  return text ? `${path}?${text}` : path;
}
