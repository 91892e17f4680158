import type { ComponentChildren } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

import { askable } from '../../lib/channels';
import { useQuery } from '../../lib/router';
import { useModels } from '../../live/entities';
import { useStore } from '../../live/store';
import { useLanguageModels } from '../../live/play_run';
import { keepPlayground } from '../../live/play_kept';
import { useText } from '../../text';
import { usePlaygroundText } from '../../text/playground';
import { Command } from '../../ui/command';
import { Loading, Problem } from '../../ui/problem';
import { Segments } from '../../ui/segments';
import { Desk } from './desk';
import { KeyForm } from './key_form';
import { TryBox } from './try_box';
import '../../styles/playground.css';

/** Reads what this browser kept before anything is shown. */
export function PlaygroundView() {
  useLayoutEffect(keepPlayground, []);
  const site = useStore((state) => state.site);
  return site === 'models' ? <LanguageOnly /> : <Both />;
}

function LanguageOnly() {
  const text = useText();
  const play = usePlaygroundText();
  const { data, problem, reload } = useLanguageModels();
  return (
    <div class="view">
      <Head lead={play.lead} />
      {problem?.status === 401 ? <KeyForm /> : problem && <Problem what={play.modelsFailed} problem={problem} onRetry={reload} />}
      {!data && !problem && <Loading />}
      {data && data.length > 0 && <Desk models={data} />}
      {data?.length === 0 && (
        <section class="card" aria-label={text.try.title}>
          <div class="empty">{play.noModels}<button type="button" onClick={reload}>{play.lookAgain}</button></div>
        </section>
      )}
    </div>
  );
}

function Both() {
  const text = useText();
  const play = usePlaygroundText();
  const [named] = useQuery('model');
  const [kind, setKind] = useQuery('kind');
  const classifiers = useModels();
  const language = useLanguageModels();
  const choices = askable(classifiers.data ?? []);
  const hasBoth = choices.length > 0 && (language.data?.length ?? 0) > 0;
  const isNamed = choices.some(({ id }) => id === named);
  const shown = hasBoth ? kind || (isNamed ? 'classifiers' : 'language') : choices.length > 0 ? 'classifiers' : 'language';
  const known = classifiers.data !== undefined && (language.data !== undefined || language.problem !== undefined);
  return (
    <div class={`view ${known && shown === 'classifiers' ? 'narrow-view' : ''}`}>
      <Head lead={shown === 'classifiers' ? text.try.lead : play.lead}>
        {hasBoth && <Segments label={play.tabs} value={shown} onChange={setKind} choices={[['language', play.language], ['classifiers', play.classifiers]]} />}
      </Head>
      {classifiers.problem && <Problem what={text.try.title} problem={classifiers.problem} onRetry={classifiers.reload} />}
      {language.problem && <Problem what={play.modelsFailed} problem={language.problem} onRetry={language.reload} />}
      {!known && !classifiers.problem && <Loading />}
      {known && shown === 'language' && language.data && language.data.length > 0 && <Desk models={language.data} />}
      {known && shown === 'classifiers' && (
        <section class="card" aria-label={text.try.title}><TryBox models={classifiers.data ?? []} first={named} /></section>
      )}
      {known && shown === 'language' && language.data?.length === 0 && (
        <section class="card" aria-label={text.try.title}>
          <div class="empty">
            {text.try.none}<Command line={text.try.noneCommand} />
            {play.noModels}<Command line={play.noModelsCommand} />
            <button type="button" onClick={language.reload}>{play.lookAgain}</button>
          </div>
        </section>
      )}
    </div>
  );
}

function Head({ lead, children }: { lead: string; children?: ComponentChildren }) {
  const text = useText();
  return <div class="view-head"><div><h1>{text.try.title}</h1><p class="soft">{lead}</p></div>{children}</div>;
}
