// What a model's history says. Pure.
import type { ChannelMove } from '../api/types';

/**
 * What a rollback of the channel would return to. Deployments are a stack: a rollback takes the top off,
 * so the answer is the entry below the top after the whole history (newest first) is replayed.
 */
export function rollbackTarget(history: readonly ChannelMove[], channel: string): string | undefined {
  const stack: string[] = [];
  for (const move of [...history].reverse()) {
    if (move.channel !== channel) continue;
    if (move.action === 'rollback') stack.pop();
    else stack.push(move.snapshot_ref);
    // The older part of a long history may be missing; what a rollback led to is known all the same.
    if (stack[stack.length - 1] !== move.snapshot_ref) stack.push(move.snapshot_ref);
  }
  return stack[stack.length - 2];
}

/** Most probable first. */
export function ranked(probabilities: Record<string, number>): [string, number][] {
  return Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
}

/** What can be asked: `nsmc` for prod, `nsmc:canary` for the others. */
export function askable(models: readonly { name: string; channels: Record<string, { snapshot_ref: string }> }[]): { id: string; ref: string }[] {
  return models.flatMap((model) =>
    Object.entries(model.channels)
      .sort(([a], [b]) => Number(b === 'prod') - Number(a === 'prod') || a.localeCompare(b))
      .map(([channel, { snapshot_ref }]) => ({
        id: channel === 'prod' ? model.name : `${model.name}:${channel}`,
        ref: snapshot_ref,
      })));
}
