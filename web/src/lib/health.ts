// "Is everything all right?" Pure.
import type { Overview } from '../api/types';

export type Health =
  | { kind: 'nodes_down'; count: number }
  | { kind: 'failed'; count: number }
  | { kind: 'disk_low'; free_bytes: number };

const kDiskLowBytes = 5 * 1024 ** 3;

/** What a person should look at, the worst first; empty when all is well. */
export function concerns(overview: Overview): Health[] {
  const found: Health[] = [];
  if (overview.nodes.down > 0) found.push({ kind: 'nodes_down', count: overview.nodes.down });
  if (overview.load.disk_free_bytes < kDiskLowBytes) found.push({ kind: 'disk_low', free_bytes: overview.load.disk_free_bytes });
  if (overview.queue.failed_24h > 0) found.push({ kind: 'failed', count: overview.queue.failed_24h });
  return found;
}
