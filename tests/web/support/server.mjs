// A real `galley up` in a folder of its own, and the requests that a user's program would make.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const kStartMs = 15_000;

function binary() {
  const path = process.env.GALLEY_BIN;
  if (!path) throw new Error('GALLEY_BIN must name the galley executable');
  return path;
}

export class Server {
  /** `more`: further arguments of `galley up`. */
  static async start(environment = async () => ({}), more = []) {
    const server = new Server();
    server.data = await mkdtemp(join(tmpdir(), 'galley-web-'));
    server.child = spawn(binary(), ['up', '--data', join(server.data, 'data'), '--listen', '127.0.0.1:0', ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(await environment(server.data)) },
    });
    server.exited = new Promise((resolve) => server.child.once('exit', resolve));
    let said = '';
    server.loginUrl = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no address after ${kStartMs} ms; it said: ${said}`)), kStartMs);
      const read = (chunk) => {
        said += chunk;
        const found = /http:\/\/[\d.]+:\d+\/\?code=\S+/.exec(said);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[0]);
      };
      server.child.stdout.on('data', read);
      server.child.stderr.on('data', read);
      server.child.once('exit', (code) => reject(new Error(`galley up ended with ${code}; it said: ${said}`)));
    });
    server.url = new URL(server.loginUrl).origin;
    server.token = (await readFile(join(server.data, 'data', 'token'), 'utf8')).trim();
    return server;
  }

  /** Jobs outlive their server on purpose; those of a test must not. */
  async stop() {
    const live = ['queued', 'starting', 'running'];
    const { items } = await this.call('GET', '/api/v1/jobs?limit=500');
    for (const job of items.filter(({ state }) => live.includes(state)))
      await this.call('POST', `/api/v1/jobs/${job.id}/cancel`, {});
    for (const job of items.filter(({ state }) => state === 'running')) await this.ended(job.id);
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.exited;
    clearTimeout(timer);
    await rm(this.data, { recursive: true, force: true });
  }

  async call(method, path, body) {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
      },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} -> ${response.status}: ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  submit(name, script, more = {}) {
    return this.call('POST', '/api/v1/jobs', { name, command: ['/bin/sh', '-c', script], ...more });
  }

  async codeUrl() {
    const { code } = await this.call('POST', '/api/v1/login-codes');
    return `${this.url}/?code=${code}`;
  }

  /** Waits until a job runs, by the stream of events. */
  async started(id) {
    const events = await fetch(`${this.url}/api/v1/events?after=0&kinds=job`, { headers: { authorization: `Bearer ${this.token}` } });
    for await (const _ of events.body) {
      const job = await this.call('GET', `/api/v1/jobs/${id}`);
      if (!['queued', 'starting'].includes(job.state)) return job;
    }
    throw new Error(`the stream of events ended before ${id} ran`);
  }

  /** Waits by the server's own log stream, which ends with the job. */
  async ended(id) {
    const response = await fetch(`${this.url}/api/v1/jobs/${id}/logs?follow=1`, { headers: { authorization: `Bearer ${this.token}` } });
    await response.text();
    return this.call('GET', `/api/v1/jobs/${id}`);
  }

  /** Trains a tiny classifier as a job and freezes what it made. */
  async trainedSnapshot(model, rows) {
    const data = join(this.data, `${model}.tsv`);
    await writeFile(data, ['text\tlabel', ...rows].join('\n') + '\n');
    const job = await this.call('POST', '/api/v1/jobs', {
      name: `train-${model}`,
      command: [join(dirname(binary()), 'galley-train'), 'classifier', '--train', data, '--out', 'model',
        '--text-column', 'text', '--label-column', 'label', '--epochs', '3', '--buckets', '4096', '--threads', '1'],
    });
    const ended = await this.ended(job.id);
    if (ended.state !== 'succeeded') throw new Error(`the trainer ended ${ended.state}: ${ended.reason}`);
    return this.call('POST', `/api/v1/models/${model}/snapshots`, { run_id: job.run_id, artifact: 'model' });
  }
}
