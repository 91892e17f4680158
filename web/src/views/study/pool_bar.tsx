import type { Pools } from '../../api/study_types';
import { shareOf } from '../../lib/format';
import { useStudiesText } from '../../text/studies';

const kPools = ['live', 'stop', 'dead', 'ended'] as const;

/** How the trials of a study are spread over its pools, with the numbers in words. */
export function PoolBar({ pools }: { pools: Pools }) {
  const words = useStudiesText();
  const all = kPools.reduce((sum, pool) => sum + pools[pool], 0);
  const line = words.poolsLine(pools.live, pools.stop, pools.dead, pools.ended);
  return (
    <span class="pool-bar" role="img" aria-label={line} title={line}>
      {kPools.map((pool) => pools[pool] > 0 && <i key={pool} class={pool} style={{ width: `${shareOf(pools[pool], all) * 100}%` }} />)}
    </span>
  );
}
