import { pathTo, type Place } from '../lib/router';
import { useStore } from '../live/store';
import { useText } from '../text';
import { Icon } from '../ui/icon';
import { Link } from '../ui/link';

const kItems = ['overview', 'fleet', 'jobs', 'studies', 'runs', 'estimates', 'models', 'playground'] as const;
const kParents: Partial<Record<Place['view'], (typeof kItems)[number]>> = { job: 'jobs', study: 'studies', run: 'runs', compare: 'runs', model: 'models' };

export function Rail({ place }: { place: Place }) {
  const text = useText();
  const site = useStore((state) => state.site);
  const items = site === 'models' ? kItems.filter((item) => item === 'playground') : kItems;
  const here = kParents[place.view] ?? place.view;
  return (
    <nav class="rail" aria-label={text.nav.label}>
      <Link class="brand" to={pathTo.overview()}>
        <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
          <rect class="hull" width="32" height="32" rx="7" />
          <path class="ship" d="M5 18h22l-3 6H8zM9 15h3v-5H9zM14.5 15h3V7h-3zM20 15h3v-5h-3z" />
        </svg>
        {text.product}
      </Link>
      <ul>
        {items.map((item) => (
          <li key={item}>
            <Link to={pathTo[item]()} aria-current={here === item ? 'page' : undefined}>
              <Icon name={item} />
              <span>{text.nav[item]}</span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
