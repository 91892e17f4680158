interface Props<T extends string> {
  label: string;
  value: T;
  choices: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
  disabled?: boolean;
}

/** A few choices of which one holds, side by side. */
export function Segments<T extends string>({ label, value, choices, onChange, disabled = false }: Props<T>) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {choices.map(([id, name]) => (
        <button key={id} type="button" aria-pressed={id === value} disabled={disabled} onClick={() => onChange(id)}>{name}</button>
      ))}
    </div>
  );
}
