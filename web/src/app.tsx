import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { pathTo, placeOf, useAddress, type Place } from './lib/router';
import { useShownTheme } from './lib/theme';
import { useStore } from './live/store';
import { Palette } from './shell/palette';
import { Rail } from './shell/rail';
import { TopBar } from './shell/top_bar';
import { useLanguage, useText } from './text';
import { Link } from './ui/link';
import { Loading } from './ui/problem';
import { Toasts } from './ui/toast';
import { LoginView } from './views/login/view';

// Each view is fetched when it is first opened.
const kViews: Record<Exclude<Place['view'], 'missing'>, () => Promise<ComponentType<{ id: string }>>> = {
  overview: async () => (await import('./views/overview/view')).OverviewView,
  fleet: async () => (await import('./views/fleet/view')).FleetView,
  jobs: async () => (await import('./views/jobs/view')).JobsView,
  job: async () => (await import('./views/job/view')).JobView,
  studies: async () => (await import('./views/studies/view')).StudiesView,
  study: async () => (await import('./views/study/view')).StudyView,
  runs: async () => (await import('./views/runs/view')).RunsView,
  run: async () => (await import('./views/run/view')).RunView,
  compare: async () => (await import('./views/compare/view')).CompareView,
  estimates: async () => (await import('./views/estimates/view')).EstimatesView,
  models: async () => (await import('./views/models/view')).ModelsView,
  model: async () => (await import('./views/model/view')).ModelView,
  account: async () => (await import('./views/account/view')).AccountView,
  playground: async () => (await import('./views/playground/view')).PlaygroundView,
};

function Content({ place }: { place: Place }) {
  const [ready, setReady] = useState<{ view: string; View: ComponentType<{ id: string }> }>();
  useEffect(() => {
    let alive = true;
    if (place.view !== 'missing') {
      const view = place.view;
      void kViews[view]().then((View) => alive && setReady({ view, View }));
    }
    return () => void (alive = false);
  }, [place.view]);
  if (place.view === 'missing') return <Missing />;
  if (ready?.view !== place.view) return <Loading />;
  const id = 'id' in place ? place.id : '';
  return <ready.View key={id} id={id} />;
}

function Missing() {
  const text = useText();
  return (
    <div class="view">
      <h1>{text.common.missingTitle}</h1>
      <p>{text.common.missing}</p>
      <p><Link to={pathTo.overview()}>{text.common.toOverview}</Link></p>
    </div>
  );
}

export function App() {
  const text = useText();
  const language = useLanguage();
  const { path } = useAddress();
  const session = useStore((state) => state.session);
  const site = useStore((state) => state.site);
  const place: Place = site === 'models' ? { view: 'playground' } : placeOf(path);
  const main = useRef<HTMLElement>(null);
  const [searching, setSearching] = useState(false);
  useShownTheme();

  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  useEffect(() => {
    const name = 'id' in place ? place.id : place.view === 'missing' ? '' : text.nav[place.view as 'jobs'];
    document.title = name ? `${name} · ${text.product}` : text.product;
    main.current?.scrollTo(0, 0);
  }, [path, site, language]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (site === 'models' || event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setSearching(true);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [site]);

  if (session === 'closed') return <LoginView />;
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{text.skip}</a>
      <Rail place={place} />
      <TopBar place={place} onSearch={() => setSearching(true)} />
      <main id="main" ref={main} tabIndex={-1}>{session === 'open' ? <Content place={place} /> : <Loading />}</main>
      {searching && <Palette onClose={() => setSearching(false)} />}
      <Toasts />
    </div>
  );
}
