// What the page does to the server. Each resolves when the server has done it, or throws an ApiProblem.
import * as calls from '../api/calls';
import type { JobRecord, JobSpec, Prediction } from '../api/types';
import { markStale } from './resources';
import { byId } from './state';
import { store } from './store';

export async function cancelJob(id: string): Promise<void> {
  const job = await calls.cancelJob(id);
  store.change((state) => ({ ...state, jobs: byId(state.jobs, [job]) }));
  markStale([`job/${id}`]);
}

export async function submitJob(spec: JobSpec): Promise<JobRecord> {
  const job = await calls.submitJob(spec);
  store.change((state) => ({ ...state, jobs: byId(state.jobs, [job]) }));
  return job;
}

export async function deploy(model: string, channel: string, snapshot: string): Promise<void> {
  await calls.deploy(model, channel, snapshot);
  markStale(['models', `model/${model}`]);
}

/** Resolves with what the channel answers with now. */
export async function rollback(model: string, channel: string): Promise<string> {
  const moved = await calls.rollback(model, channel);
  markStale(['models', `model/${model}`]);
  return moved.snapshot_ref;
}

export interface Answer {
  text: string;
  prediction: Prediction;
  roundTripMs: number;
}

export async function ask(model: string, text: string): Promise<Answer> {
  const start = performance.now();
  const prediction = await calls.predict(model, text);
  return { text, prediction, roundTripMs: performance.now() - start };
}
