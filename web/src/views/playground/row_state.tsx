import type { Failure, Row } from '../../lib/playground/results';
import { usePlaygroundText } from '../../text/playground';
import { Icon, type IconName } from '../../ui/icon';

const kLooks: Record<Row['state'], [string, IconName]> = {
  waiting: ['wait', 'clock'], running: ['busy', 'play'], done: ['good', 'check'], failed: ['bad', 'cross'], stopped: ['idle', 'slash'],
};

export function RowState({ row }: { row: Row }) {
  const play = usePlaygroundText();
  const [tone, icon] = kLooks[row.state];
  return <span class={`chip ${tone}`} data-state={row.state}><Icon name={icon} />{play.state[row.state]}</span>;
}

/** What went wrong, in our words and in the server's. */
export function WhatFailed({ failure }: { failure: Failure }) {
  const play = usePlaygroundText();
  return <p class="fault" data-failure={failure.kind}>{[play.failure[failure.kind], failure.detail].filter(Boolean).join(' ')}</p>;
}
