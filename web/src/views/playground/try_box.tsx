import { useState } from 'preact/hooks';

import type { Model } from '../../api/types';
import { ApiProblem } from '../../api/client';
import { askable, ranked } from '../../lib/channels';
import { measure, percent } from '../../lib/format';
import { ask, type Answer } from '../../live/actions';
import { useText } from '../../text';
import { Meter } from '../../ui/meter';
import { Problem } from '../../ui/problem';

const kMostBars = 8;
const kEarlier = 5;

function AnswerBox({ answer }: { answer: Answer }) {
  const text = useText();
  const { prediction } = answer;
  return (
    <div class="answer" role="status" aria-label={text.try.result} data-answer={prediction.label}>
      <p class="soft">{text.try.label}</p>
      <div class="label">{prediction.label}</div>
      <div>
        {ranked(prediction.probabilities).slice(0, kMostBars).map(([label, probability], index) => (
          <Meter key={label} name={label} ratio={probability} value={percent(probability)} tone={index === 0 ? 'strong' : 'weak'} />
        ))}
      </div>
      <dl class="facts">
        <dt>{text.try.snapshot}</dt><dd data-snapshot>{prediction.snapshot}</dd>
        <dt>{text.try.latency}</dt><dd>{text.try.ms(measure(prediction.time_ms))}</dd>
        <dt>{text.try.roundTrip}</dt><dd>{text.try.ms(measure(answer.roundTripMs))}</dd>
      </dl>
    </div>
  );
}

interface Props {
  models: readonly Model[];
  first?: string;
}

/** Type a text, see what the deployed model answers. */
export function TryBox({ models, first = '' }: Props) {
  const text = useText();
  const choices = askable(models);
  const [chosen, choose] = useState(first);
  const model = choices.some((choice) => choice.id === chosen) ? chosen : (choices[0]?.id ?? '');
  const [typed, setTyped] = useState('');
  const [answers, setAnswers] = useState<readonly Answer[]>([]);
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);

  const send = async (event?: Event) => {
    event?.preventDefault();
    if (busy || typed.trim() === '') return;
    setBusy(true);
    try {
      const answer = await ask(model, typed);
      setAnswers((before) => [answer, ...before].slice(0, kEarlier + 1));
      setProblem(undefined);
    } catch (failure) {
      if (failure instanceof ApiProblem) setProblem(failure);
    } finally {
      setBusy(false);
    }
  };
  const [newest, ...earlier] = answers;
  return (
    <form class="try" onSubmit={send}>
      <label>
        {text.try.text}
        <textarea rows={3} value={typed} placeholder={text.try.placeholder}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && void send(event)} />
      </label>
      <div class="fields">
        <label>
          {text.try.model}
          <select value={model} onChange={(event) => choose(event.currentTarget.value)}>
            {choices.map((choice) => <option key={choice.id} value={choice.id}>{`${choice.id} (${choice.ref})`}</option>)}
          </select>
        </label>
        <button type="submit" class="primary" disabled={busy || typed.trim() === ''}>{busy ? text.try.waiting : text.try.send}</button>
        <span class="soft wide-only">{text.try.hint}</span>
      </div>
      {problem && <Problem what={text.try.result} problem={problem} />}
      {newest && <AnswerBox answer={newest} />}
      {earlier.length > 0 && (
        <div>
          <p class="soft">{text.try.earlier}</p>
          <ul>
            {earlier.map((answer, index) => (
              <li key={index} class="row">
                <strong>{answer.prediction.label}</strong>
                <span class="soft">{answer.prediction.snapshot}</span>
                <span class="grow clip">{answer.text}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </form>
  );
}
