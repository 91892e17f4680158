import { pathTo, type Place } from '../lib/router';
import { nextTheme, theme } from '../lib/theme';
import { useStore } from '../live/store';
import { language, useLanguage, useText } from '../text';
import { Icon, type IconName } from '../ui/icon';
import { Link } from '../ui/link';

const kThemeIcons: Record<string, IconName> = { system: 'half', light: 'sun', dark: 'moon' };
const kConnectionLooks: Record<string, [string, IconName]> = {
  connecting: ['idle', 'clock'], live: ['good', 'check'], lost: ['wait', 'warn'],
};

function Crumbs({ place }: { place: Place }) {
  const text = useText();
  const jobs = useStore((state) => state.jobs);
  const runs = useStore((state) => state.runs);
  const titles = useStore((state) => state.titles);
  if (place.view === 'missing') return <span>{text.common.missingTitle}</span>;
  if (place.view === 'compare')
    return (
      <>
        <Link to={pathTo.runs()}>{text.nav.runs}</Link>
        <span class="divider" aria-hidden="true">/</span>
        <span aria-current="page">{text.nav.compare}</span>
      </>
    );
  if (!('id' in place)) return <span aria-current="page">{text.nav[place.view]}</span>;
  const list = place.view === 'study' ? 'studies' : (`${place.view}s` as 'jobs' | 'runs' | 'models');
  const name = jobs[place.id]?.name ?? runs[place.id]?.name ?? titles[place.id] ?? place.id;
  return (
    <>
      <Link to={pathTo[list]()}>{text.nav[list]}</Link>
      <span class="divider" aria-hidden="true">/</span>
      <span class="clip" aria-current="page">{name}</span>
    </>
  );
}

export function TopBar({ place, onSearch }: { place: Place; onSearch: () => void }) {
  const text = useText();
  const shownLanguage = useLanguage();
  const chosenTheme = theme.use();
  const connection = useStore((state) => state.connection);
  const whoami = useStore((state) => state.whoami);
  const site = useStore((state) => state.site);
  const [tone, icon] = kConnectionLooks[connection] as [string, IconName];
  const other = shownLanguage === 'en' ? 'ko' : 'en';
  return (
    <header class="top">
      <nav class="crumbs" aria-label={text.top.where}><Crumbs place={place} /></nav>
      {site === 'whole' && (
        <>
          <button type="button" class="goto" onClick={onSearch} aria-label={text.top.searchHint} aria-keyshortcuts="Control+K">
            <span class="narrow"><Icon name="search" /></span>
            <span class="wide">{text.top.search}</span>
            <kbd>{text.top.searchKey}</kbd>
          </button>
          <span class={`chip ${tone}`} role="status" data-connection={connection}>
            <Icon name={icon} />
            {text.top.connection[connection]}
          </span>
        </>
      )}
      <button type="button" class="quiet square" lang={other} onClick={() => language.set(other)}
        aria-label={text.top.languages[other]} title={text.top.languages[other]}>
        {text.top.languageMarks[other]}
      </button>
      <button type="button" class="quiet square" onClick={() => theme.set(nextTheme[theme.get()])}
        aria-label={text.top.themes[chosenTheme]} title={text.top.themes[chosenTheme]}>
        <Icon name={kThemeIcons[chosenTheme] as IconName} />
      </button>
      {whoami && <Link class="me clip" to={pathTo.account()} title={text.top.signedInAs(whoami.principal, whoami.version)}>{whoami.principal}</Link>}
    </header>
  );
}
