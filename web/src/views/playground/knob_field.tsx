import { useState } from 'preact/hooks';

import type { Knobs, KnobSpec } from '../../lib/playground/knobs';
import { usePlaygroundText } from '../../text/playground';
import { Segments } from '../../ui/segments';

type Value = Knobs[keyof Knobs];

interface Props {
  lane: string;
  spec: KnobSpec;
  value: Value;
  onChange: (value: Value) => void;
}

/** One knob with what it does in a sentence. */
export function KnobField({ lane, spec, value, onChange }: Props) {
  const play = usePlaygroundText();
  const { name, says } = play.knobs[spec.name];
  const id = `knob-${lane}-${spec.name}`;
  const help = `${id}-says`;
  const wide = spec.kind === 'long' || spec.name === 'greedy';
  return (
    <div class={`knob ${wide ? 'wide' : ''}`} data-knob={spec.name}>
      <label for={id}>{name}</label>
      <Control id={id} help={help} name={name} spec={spec} value={value} onChange={onChange} />
      <p class="soft small-text" id={help}>{says}</p>
    </div>
  );
}

function Control({ id, help, name, spec, value, onChange }: { id: string; help: string; name: string } & Omit<Props, 'lane'>) {
  const play = usePlaygroundText();
  const shared = { id, 'aria-describedby': help };
  switch (spec.kind) {
    case 'number':
      return <NumberInput {...shared} spec={spec} value={value as number} onChange={onChange} />;
    case 'flag':
      return <input {...shared} type="checkbox" checked={value as boolean} onChange={(event) => onChange(event.currentTarget.checked)} />;
    case 'choice': {
      const words = play.choices[spec.name] ?? {};
      if (spec.name === 'greedy')
        return <Segments label={name} value={value as string} choices={spec.values.map((one) => [one, words[one] ?? one] as const)} onChange={(one) => onChange(one as Value)} />;
      return (
        <select {...shared} value={value as string} onChange={(event) => onChange(event.currentTarget.value as Value)}>
          {spec.values.map((one) => <option key={one} value={one}>{words[one] ?? one}</option>)}
        </select>
      );
    }
    case 'lines':
    case 'long':
      return <textarea {...shared} rows={2} spellcheck={false} value={value as string} onInput={(event) => onChange(event.currentTarget.value)} />;
    default:
      return <input {...shared} type="text" inputMode={spec.kind === 'seed' ? 'numeric' : 'text'} spellcheck={false} value={value as string}
        onInput={(event) => onChange(event.currentTarget.value)} />;
  }
}

interface NumberProps {
  id: string;
  'aria-describedby': string;
  spec: KnobSpec & { kind: 'number' };
  value: number;
  onChange: (value: number) => void;
}

/** Keeps what is typed while it is no number yet. */
function NumberInput({ spec, value, onChange, ...rest }: NumberProps) {
  const [typed, setTyped] = useState(String(value));
  const shown = Number.isNaN(value) || (typed !== '' && Number(typed) === value) ? typed : String(value);
  return (
    <input {...rest} type="number" min={spec.min} max={spec.max} step={spec.whole ? spec.step : 'any'} value={shown}
      onInput={(event) => {
        setTyped(event.currentTarget.value);
        onChange(event.currentTarget.valueAsNumber);
      }} />
  );
}
