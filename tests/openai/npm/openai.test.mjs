// The official client, unmodified, against a real `galley serve`.
import assert from 'node:assert/strict';
import buffer from 'node:buffer';
import { after, before, test } from 'node:test';
import { Server } from './server.mjs';

globalThis.File ??= buffer.File; // Node 18 has it, but not as a global
const { default: OpenAI, toFile } = await import('openai');

let server;
let client;

function connect() {
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
}

before(async () => {
  server = await Server.start();
  connect();
});
after(() => server?.stop());

const chat = (content, more = {}) => ({ model: 'tiny', messages: [{ role: 'user', content }], max_completion_tokens: 16, seed: 1, ...more });

async function eventually(condition) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error('it has not happened');
  }
}

test('models', async () => {
  const list = await client.models.list();
  assert.equal(list.data[0].id, 'tiny');
  assert.equal((await client.models.retrieve('tiny')).object, 'model');
  await assert.rejects(client.models.retrieve('tin'), OpenAI.NotFoundError);
});

test('completions, whole and streamed, are one text', async () => {
  const body = { model: 'tiny', prompt: 'Once upon a time', max_tokens: 24, seed: 3, ignore_eos: true, top_k: 50 };
  const whole = await client.completions.create({ ...body, logprobs: 2 });
  assert.equal(whole.choices[0].finish_reason, 'length');
  assert.equal(whole.usage.completion_tokens, 24);
  assert.equal(whole.choices[0].logprobs.tokens.length, 24);
  let text = '';
  let usage;
  for await (const chunk of await client.completions.create({ ...body, stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.text ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].text);
  assert.equal(usage.total_tokens, whole.usage.total_tokens);
  assert.ok(usage.prompt_tokens_details.cached_tokens >= 0);
});

test('chats, whole and streamed, are one text', async () => {
  const whole = await client.chat.completions.create(chat('Hello', { logprobs: true, top_logprobs: 3, n: 2, ignore_eos: true }));
  assert.equal(whole.choices.length, 2);
  assert.equal(whole.choices[0].message.role, 'assistant');
  assert.equal(whole.choices[0].logprobs.content.length, 16);
  const stream = client.chat.completions.stream(chat('Hello', { ignore_eos: true }));
  let text = '';
  stream.on('content', (piece) => { text += piece; });
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
  assert.equal(text, final.choices[0].message.content);
});

test('answers that follow a schema', async () => {
  const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'], additionalProperties: false };
  const answer = await client.chat.completions.create(chat('Is it?', {
    max_completion_tokens: 200, temperature: 0,
    response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
  }));
  if (answer.choices[0].finish_reason === 'stop') assert.equal(typeof JSON.parse(answer.choices[0].message.content).ok, 'boolean');
});

test('embeddings', async () => {
  const both = await client.embeddings.create({ model: 'tiny', input: ['one', 'two'] }); // base64 on the wire
  const numbers = await client.embeddings.create({ model: 'tiny', input: 'one', encoding_format: 'float' });
  assert.equal(both.data.length, 2);
  assert.equal(both.data[0].embedding.length, numbers.data[0].embedding.length);
  both.data[0].embedding.forEach((value, i) => assert.ok(Math.abs(value - numbers.data[0].embedding[i]) < 1e-6));
});

test('errors are of the right class and name the field', async () => {
  const fails = async (promise, type, check) => assert.rejects(promise, (error) => {
    assert.ok(error instanceof type, `${error.constructor.name}: ${error.message}`);
    return check(error);
  });
  await fails(client.completions.create({ model: 'tiny', prompt: 'x', temperature: -1 }), OpenAI.BadRequestError, (e) => e.param === 'temperature');
  await fails(client.completions.create({ model: 'tiny', prompt: 'x', max_tokens: 100000 }), OpenAI.BadRequestError, (e) => e.code === 'context_length_exceeded');
  await fails(client.completions.create({ model: 'other', prompt: 'x' }), OpenAI.NotFoundError, (e) => e.code === 'model_not_found');
  await fails(client.chat.completions.create({ model: 'tiny', messages: [] }), OpenAI.BadRequestError, (e) => e.param === 'messages');
  await fails(client.chat.completions.create(chat('x', { stop: Array(3000).fill('y') })), OpenAI.BadRequestError, (e) => e.param === 'stop');
  await fails(client.completions.create({ model: 'tiny', prompt: 'x', suffix: 'y' }), OpenAI.BadRequestError, (e) => e.param === 'suffix');
  await fails(client.files.retrieve('file-none'), OpenAI.NotFoundError, () => true);
});

test('an aborted stream is cancelled in the engine', async () => {
  const cancelled = () => server.metric('galley_requests_finished_total{model="tiny",finished_reason="cancelled"}');
  const before = await cancelled();
  const stream = await client.completions.create({ model: 'tiny', prompt: 'x', max_tokens: 1000, ignore_eos: true, n: 8, stream: true });
  for await (const _ of stream) break; // ends the loop and aborts the request
  stream.controller.abort();
  await eventually(async () => (await cancelled()) === before + 1);
  assert.equal(await server.metric('galley_requests_running'), 0);
});

test('files and batches, also over a crash', async () => {
  // Of all lengths, so that the answers end one after the other.
  const lines = Array.from({ length: 60 }, (_, i) => JSON.stringify({
    custom_id: `line-${i}`, method: 'POST', url: '/v1/completions',
    body: { model: 'tiny', prompt: `Number ${i}`, max_tokens: 9 + i * 6, seed: i, ignore_eos: true },
  })).join('\n');
  const file = await client.files.create({ file: await toFile(Buffer.from(lines), 'in.jsonl'), purpose: 'batch' });
  assert.equal(file.bytes, Buffer.byteLength(lines));
  const begun = await client.batches.create({ input_file_id: file.id, endpoint: '/v1/completions', completion_window: '24h', metadata: { what: 'test' } });
  const cut = await eventually(async () => {
    const now = await client.batches.retrieve(begun.id);
    return now.request_counts.completed > 0 && now;
  });
  await server.kill();
  assert.equal(cut.status, 'in_progress');
  await server.launch();
  connect();
  const batch = await eventually(async () => {
    const now = await client.batches.retrieve(begun.id);
    assert.notEqual(now.status, 'failed');
    return now.status === 'completed' && now;
  });
  assert.deepEqual(batch.request_counts, { total: 60, completed: 60, failed: 0 });
  const output = (await (await client.files.content(batch.output_file_id)).text()).trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(output.map((line) => line.custom_id), Array.from({ length: 60 }, (_, i) => `line-${i}`));
  const again = await client.completions.create({ model: 'tiny', prompt: 'Number 7', max_tokens: 51, seed: 7, ignore_eos: true });
  assert.equal(output[7].response.body.choices[0].text, again.choices[0].text);
  const listed = [];
  for await (const one of client.batches.list({ limit: 1 })) listed.push(one.id);
  assert.ok(listed.includes(begun.id));
  assert.equal((await client.files.delete(file.id)).deleted, true);
});
