import { valueText, unitOf, valueAt, type Axis } from '../../lib/studies/axes';
import { withBrush, type Brushes } from '../../lib/studies/brush';
import { useStudiesText } from '../../text/studies';

interface Props {
  axes: readonly Axis[];
  brushes: Brushes;
  onChange: (brushes: Brushes) => void;
}

const isChoice = (axis: Axis) => axis.kind === 'categorical' || axis.kind === 'ordered';

/** The marks as fields: what the mouse does on an axis, by keyboard and to the digit. */
export function Limits({ axes, brushes, onChange }: Props) {
  const words = useStudiesText().plot;
  return (
    <details class="limits">
      <summary>{words.limits}</summary>
      <div class="limit-grid">
        {axes.map((axis) => (
          <div key={axis.id} class="limit" role="group" aria-label={axis.name}>
            <span class="clip" title={axis.name}>{axis.name}</span>
            {(['least', 'most'] as const).map((end) => <End key={end} axis={axis} end={end} brushes={brushes} onChange={onChange} />)}
            <button type="button" class="small quiet" disabled={!brushes[axis.id]} aria-label={words.unmark(axis.name)}
              onClick={() => onChange(withBrush(brushes, axis, undefined))}>×</button>
          </div>
        ))}
      </div>
    </details>
  );
}

function End({ axis, end, brushes, onChange }: EndProps) {
  const words = useStudiesText().plot;
  const range = brushes[axis.id] ?? [0, 1];
  const name = words[end](axis.name);
  const set = (unit: number) => onChange(withBrush(brushes, axis, end === 'least' ? [unit, range[1]] : [range[0], unit]));
  if (isChoice(axis)) {
    const cells = axis.choices.length;
    const index = end === 'least' ? Math.round(Math.max(0, range[0]) * cells) : Math.round(range[1] * cells) - 1;
    return (
      <select aria-label={name} value={String(index)}
        onChange={(event) => set((Number(event.currentTarget.value) + (end === 'least' ? 0 : 1)) / cells)}>
        {axis.choices.map((_, choice) => <option key={choice} value={String(choice)}>{valueText(axis, choice)}</option>)}
      </select>
    );
  }
  const value = Number(valueAt(axis, range[end === 'least' ? 0 : 1]).toPrecision(4));
  return (
    <input type="number" step="any" aria-label={name} value={String(value)}
      onChange={(event) => Number.isFinite(event.currentTarget.valueAsNumber) && set(unitOf(axis, event.currentTarget.valueAsNumber))} />
  );
}

interface EndProps {
  axis: Axis;
  end: 'least' | 'most';
  brushes: Brushes;
  onChange: (brushes: Brushes) => void;
}
