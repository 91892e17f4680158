// A real `galley serve` with a tiny model of random weights, in a folder of its own.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const kStartMs = 30_000;

function program(variable) {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} must name a program`);
  return path;
}

export class Server {
  static async start() {
    const server = new Server();
    server.folder = await mkdtemp(join(tmpdir(), 'galley-openai-'));
    server.model = join(server.folder, 'tiny.gguf');
    execFileSync(program('GALLEY_TINY_MODEL'), [server.model]);
    await server.launch();
    return server;
  }

  /** Also after kill(): the data folder is the same. */
  async launch() {
    this.child = spawn(program('GALLEY_BIN'), ['serve', '--model', this.model, '--listen', '127.0.0.1:0',
      '--data', join(this.folder, 'data'), '--threads', '1', '--kv-memory', '64MiB'], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
    let said = '';
    this.url = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready after ${kStartMs} ms; it said: ${said}`)), kStartMs);
      const read = (chunk) => {
        said += chunk;
        const found = / at (http:\/\/[\d.]+:\d+)\/v1: [^]*ready after/.exec(said);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[1]);
      };
      this.child.stdout.on('data', read);
      this.child.stderr.on('data', read);
      this.child.once('exit', (code) => reject(new Error(`galley serve ended with ${code}; it said: ${said}`)));
    });
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  async metric(name) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(name));
    return line ? Number(line.slice(line.lastIndexOf(' ') + 1)) : 0;
  }

  async stop() {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    const code = await this.exited;
    clearTimeout(timer);
    await rm(this.folder, { recursive: true, force: true });
    return code;
  }
}
