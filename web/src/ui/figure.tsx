import type { ComponentChildren } from 'preact';

interface Props {
  name: string;
  children: ComponentChildren;
  unit?: string | undefined;
  bad?: boolean;
}

/** One number that matters, under its name; stands inside a <dl class="figures">. */
export function Figure({ name, children, unit, bad = false }: Props) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd class={bad ? 'bad' : undefined}>
        {children}
        {unit && <small>{unit}</small>}
      </dd>
    </div>
  );
}
