// One stroke style, 16 by 16. Icons always stand beside a word, so readers are not told of them.
const kPaths = {
  overview: 'M2.5 2.5h4.5v6H2.5zM9 2.5h4.5v3.5H9zM2.5 10.5h4.5v3H2.5zM9 8h4.5v5.5H9z',
  fleet: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01',
  jobs: 'M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01',
  studies: 'M3 2.5v11M8 2.5v11M13 2.5v11M3 10.5l5-5.5 5 3.5',
  runs: 'M2.5 2.5v11h11M4.5 10.5l3-4 2.5 2 3.5-5',
  estimates: 'M8 2.5a5.5 5.5 0 1 1 0 11M8 2.5a5.5 5.5 0 0 0-5.5 5.5M8 8l3-2.5M3.2 10.7h.01M4.9 12.6h.01',
  models: 'M8 1.8l5.5 3v6.4L8 14.2l-5.5-3V4.8zM2.7 4.9L8 7.8l5.3-2.9M8 7.8v6.2',
  playground: 'M2.5 3h11v8h-6l-3 2.5V11h-2zM5 6h6M5 8.3h4',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.4 10.4l3.1 3.1',
  check: 'M3 8.5l3.2 3.2L13 4.8',
  cross: 'M4 4l8 8M12 4l-8 8',
  clock: 'M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M8 5v3.2l2 1.3',
  play: 'M5 3.5l7 4.5-7 4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  slash: 'M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M4.3 4.3l7.4 7.4',
  warn: 'M8 2.5l6 10.5H2zM8 6.5v3M8 11.2h.01',
  question: 'M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M6.4 6.3c.2-2 3.2-1.9 3.2 0 0 1.2-1.6 1.3-1.6 2.4M8 11h.01',
  sun: 'M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
  moon: 'M13 9.6A5.5 5.5 0 0 1 6.4 3 5.5 5.5 0 1 0 13 9.6z',
  half: 'M8 2.5a5.5 5.5 0 1 1 0 11zM8 2.5v11',
  back: 'M6 4L2.5 7.5 6 11M2.5 7.5h7a4 4 0 0 1 4 4v1',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  up: 'M8 13V3M4 7l4-4 4 4',
  down: 'M8 3v10M4 9l4 4 4-4',
} as const;

export type IconName = keyof typeof kPaths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={kPaths[name]} />
    </svg>
  );
}
