const kStars = [1, 2, 3, 4, 5];

interface Props {
  label: string;
  value: number | undefined;
  nameOf: (stars: number) => string;
  onChange: (value: number | undefined) => void;
}

/** One to five; pressing the number that holds takes it away. */
export function Rating({ label, value, nameOf, onChange }: Props) {
  return (
    <span class="rating" role="group" aria-label={label} data-rating={value ?? ''}>
      {kStars.map((stars) => (
        <button key={stars} type="button" class={value !== undefined && stars <= value ? 'on' : ''} aria-pressed={stars === value} aria-label={nameOf(stars)}
          onClick={() => onChange(stars === value ? undefined : stars)}>{stars}</button>
      ))}
    </span>
  );
}
