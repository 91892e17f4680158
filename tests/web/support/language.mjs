// A real `galley serve`, and a relay in front of it that can stall, break off, lie, and note when each piece was sent.
import { spawn } from 'node:child_process';
import { createServer, request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const kStartMs = 30_000;
export const kModel = fileURLToPath(new URL('../../../data/lm/model', import.meta.url));

export class LanguageServer {
  /** `models`: "NAME=PATH" each. Ready when it returns. */
  static async start(models, more = []) {
    const server = new LanguageServer();
    server.child = spawn(process.env.GALLEY_BIN, ['serve', '--listen', '127.0.0.1:0', '--threads', '1', '--kv-memory', '64MiB',
      ...models.flatMap((model) => ['--model', model]), ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
    server.exited = once(server.child, 'exit');
    let said = '';
    server.url = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        server.child.kill('SIGKILL');
        reject(new Error(`not ready after ${kStartMs} ms; it said: ${said}`));
      }, kStartMs);
      const read = (chunk) => {
        said += chunk;
        const url = /listening on (\S+)/.exec(said);
        if (!url || !said.includes('ready after')) return;
        clearTimeout(timer);
        resolve(url[1]);
      };
      server.child.stdout.on('data', read);
      server.child.stderr.on('data', read);
      server.child.once('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`galley serve ended with ${code}; it said: ${said}`));
      });
    });
    return server;
  }

  async stop() {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.exited;
    clearTimeout(timer);
  }
}

/**
 * Passes requests on to `upstream`. `behave(request, response, body, pass)` may answer itself; `sent` has, for each piece of a stream with
 * text in it, the time at which it was written, in milliseconds since 1970.
 */
export class Relay {
  sent = [];
  behave = (_request, _response, _body, pass) => pass();

  static async start(upstream) {
    const relay = new Relay();
    relay.upstream = upstream;
    relay.server = createServer((request, response) => relay.answer(request, response));
    relay.server.listen(0, '127.0.0.1');
    await once(relay.server, 'listening');
    relay.url = `http://127.0.0.1:${relay.server.address().port}`;
    return relay;
  }

  async answer(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    this.behave(request, response, body, () => this.pass(request, response, body));
  }

  pass(request, response, body) {
    const { hostname, port } = new URL(this.upstream);
    const onward = httpRequest({ hostname, port, method: request.method, path: request.url, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.on('data', (piece) => {
        if (/"text":"[^"]/.test(piece)) this.sent.push(performance.timeOrigin + performance.now());
        response.write(piece);
      });
      answer.on('end', () => response.end());
      answer.on('error', () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.end(body);
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** The beginning of a streamed completion, as a server would write it. */
export function beginStream(response, ...texts) {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  for (const text of texts) response.write(`data: ${JSON.stringify({ choices: [{ index: 0, text, logprobs: null, finish_reason: null }] })}\n\n`);
}

/** A whole answer of so many tokens with their probabilities, one every few milliseconds, as a fast model would write it. */
export function paceStream(response, tokens, everyMs) {
  beginStream(response);
  const top = Object.fromEntries(Array.from({ length: 5 }, (_, at) => [` w${at}`, -1 - at]));
  let written = 0;
  const timer = setInterval(() => {
    const last = (written += 1) === tokens;
    const logprobs = { tokens: [' word'], token_logprobs: [-0.5], top_logprobs: [top], text_offset: [0] };
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, text: ' word', logprobs, finish_reason: last ? 'length' : null }] })}\n\n`);
    if (!last) return;
    clearInterval(timer);
    response.end('data: [DONE]\n\n');
  }, everyMs);
  response.on('close', () => clearInterval(timer));
}
