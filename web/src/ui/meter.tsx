import { percent } from '../lib/format';

interface Props {
  name: string;
  ratio: number;
  value: string;
  tone?: 'strong' | 'weak' | undefined;
}

/** A named share as a bar with its value in words. */
export function Meter({ name, ratio, value, tone }: Props) {
  return (
    <div class={`meter ${tone ?? ''}`}>
      <span class="clip" title={name}>{name}</span>
      <span class="track" role="img" aria-label={`${name}: ${percent(ratio)}`}>
        <i style={{ width: `${ratio * 100}%` }} />
      </span>
      <span class="value">{value}</span>
    </div>
  );
}
