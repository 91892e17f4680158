import '../../styles/compare.css';
import '../../styles/estimates.css';

import { useState } from 'preact/hooks';

import { ApiProblem } from '../../api/client';
import type { Advice, EstimateOptions } from '../../api/estimate_types';
import { emptyForm, requestOf, type FormField } from '../../lib/estimates/form';
import { estimate, useEstimateOptions } from '../../live/estimates';
import { useEstimatesText } from '../../text/estimates';
import { Loading, Problem } from '../../ui/problem';
import { AccuracyCard } from './accuracy_card';
import { EstimateForm } from './form';
import { Results, ResultTable } from './results';

function Desk({ options }: { options: EstimateOptions }) {
  const text = useEstimatesText();
  const [form, setForm] = useState(() => emptyForm(options));
  const [wrong, setWrong] = useState<readonly FormField[]>([]);
  const [busy, setBusy] = useState(false);
  const [advice, setAdvice] = useState<Advice>();
  const [problem, setProblem] = useState<ApiProblem>();
  const send = async () => {
    const made = requestOf(form);
    if ('wrong' in made) return setWrong(made.wrong);
    setWrong([]);
    setBusy(true);
    try {
      setAdvice(await estimate(made.request));
      setProblem(undefined);
    } catch (failure) {
      setProblem(failure instanceof ApiProblem ? failure : new ApiProblem(0, String(failure)));
    }
    setBusy(false);
  };
  return (
    <>
      <div class="estimate-desk">
        <EstimateForm options={options} form={form} wrong={wrong} busy={busy} onChange={setForm} onSend={send} />
        <div class="stack">
          {problem && <Problem what={text.title} problem={problem} />}
          {advice ? <Results advice={advice} /> : !problem && <section class="card"><p class="empty">{text.first}</p></section>}
        </div>
      </div>
      {advice && <ResultTable advice={advice} />}
    </>
  );
}

export function EstimatesView() {
  const text = useEstimatesText();
  const options = useEstimateOptions();
  return (
    <div class="view">
      <div class="view-head"><h1>{text.title}</h1><span class="soft">{text.lead}</span></div>
      {options.problem && <Problem what={text.title} problem={options.problem} onRetry={options.reload} />}
      {options.data ? <Desk options={options.data} /> : !options.problem && <Loading />}
      <AccuracyCard />
    </div>
  );
}
