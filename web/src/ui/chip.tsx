import { useText } from '../text';
import { Icon, type IconName } from './icon';

type Tone = 'good' | 'wait' | 'bad' | 'busy' | 'idle';

const kLooks: Record<string, [Tone, IconName]> = {
  queued: ['wait', 'clock'],
  starting: ['busy', 'play'],
  running: ['busy', 'play'],
  cancelling: ['wait', 'slash'],
  succeeded: ['good', 'check'],
  finished: ['good', 'check'],
  failed: ['bad', 'cross'],
  lost: ['bad', 'question'],
  killed: ['idle', 'slash'],
  cancelled: ['idle', 'slash'],
  stopping: ['wait', 'slash'],
  stopped: ['idle', 'pause'],
  waiting: ['wait', 'clock'],
  leaving: ['wait', 'back'],
  dead: ['idle', 'cross'],
  infeasible: ['bad', 'slash'],
  up: ['good', 'check'],
  down: ['bad', 'cross'],
  in_service: ['good', 'check'],
  out_of_service: ['bad', 'cross'],
  loaded: ['good', 'check'],
};

/** A state as word, colour and icon. A word that this page does not know is shown as it is. */
export function StateChip({ state, word }: { state: string; word?: string | undefined }) {
  const text = useText();
  const [tone, icon] = kLooks[state] ?? ['idle', 'question'];
  return (
    <span class={`chip ${tone}`} data-state={state}>
      <Icon name={icon} />
      {word ?? text.state[state] ?? state}
    </span>
  );
}
