import type { EstimateOptions } from '../../api/estimate_types';
import { machineOf, offerName, offersByGpu, type FormDraft, type FormField, type MachineDraft } from '../../lib/estimates/form';
import { useEstimatesText } from '../../text/estimates';
import { Icon } from '../../ui/icon';

interface Props {
  options: EstimateOptions;
  form: FormDraft;
  wrong: readonly FormField[];
  busy: boolean;
  onChange: (form: FormDraft) => void;
  onSend: () => void;
}

type TextField = Exclude<FormField, 'machines'>;

function Machines({ options, form, wrong, onChange }: Props) {
  const text = useEstimatesText();
  const set = (index: number, change: Partial<MachineDraft>) =>
    onChange({ ...form, machines: form.machines.map((one, at) => (at === index ? { ...one, ...change } : one)) });
  const add = (machine: MachineDraft) => onChange({ ...form, machines: [...form.machines, machine] });
  const last = form.machines.at(-1);
  const check = (id: 'cluster' | 'prices' | 'spotToo', name: string) => (
    <label class="row">
      <input type="checkbox" checked={form[id]} onChange={(event) => onChange({ ...form, [id]: event.currentTarget.checked })} />
      <span>{name}</span>
    </label>
  );
  return (
    <fieldset class="machines" aria-invalid={wrong.includes('machines') ? true : undefined}>
      <legend>{text.machines}</legend>
      <div class="machine head soft" aria-hidden="true"><span>{text.gpu}</span><span>{text.gpus}</span><span>{text.usd}</span><span>{text.spot}</span><span /></div>
      {form.machines.map((machine, index) => {
        const name = (field: string) => `${text.machine(index + 1)}: ${field}`;
        return (
          <div class="machine" key={index}>
            <select aria-label={name(text.gpu)} value={machine.gpu} onChange={(event) => set(index, { gpu: event.currentTarget.value })}>
              {!options.gpus.some((gpu) => gpu.name === machine.gpu) && <option value={machine.gpu}>{machine.gpu}</option>}
              {options.gpus.map((gpu) => <option key={gpu.name} value={gpu.name}>{gpu.name}</option>)}
            </select>
            <input aria-label={name(text.gpus)} inputMode="numeric" value={machine.gpus} onInput={(event) => set(index, { gpus: event.currentTarget.value })} />
            <input aria-label={name(text.usd)} inputMode="decimal" value={machine.usd} onInput={(event) => set(index, { usd: event.currentTarget.value })} />
            <input type="checkbox" aria-label={name(text.spot)} checked={machine.spot} onChange={(event) => set(index, { spot: event.currentTarget.checked })} />
            <button type="button" class="quiet small" aria-label={text.remove(text.machine(index + 1))}
              onClick={() => onChange({ ...form, machines: form.machines.filter((_, at) => at !== index) })}><Icon name="cross" /></button>
          </div>
        );
      })}
      {(options.cluster ?? []).length > 0 && check('cluster', `${text.cluster}: ${(options.cluster ?? []).map(({ gpu, total }) => `${total}× ${gpu}`).join(', ')}`)}
      {options.offers.length > 0 && check('prices', text.prices(options.offers.filter((offer) => !offer.spot).length))}
      {form.prices && check('spotToo', text.spotToo)}
      <div class="row">
        <button type="button" class="small" onClick={() => add({ gpu: last?.gpu ?? options.gpus[0]?.name ?? '', gpus: '1', usd: '', spot: false })}>{text.add}</button>
        {options.offers.length > 0 && (
          <select aria-label={text.offers} value="" onChange={(event) => {
            const offer = options.offers[Number(event.currentTarget.value)];
            if (offer && event.currentTarget.value !== '') add(machineOf(offer));
            event.currentTarget.value = '';
          }}>
            <option value="">{text.offers}</option>
            {offersByGpu(options.offers).map(([gpu, offers]) => (
              <optgroup key={gpu} label={gpu}>
                {offers.map(([offer, index]) => <option key={index} value={index}>{offerName(offer, text.spot)}</option>)}
              </optgroup>
            ))}
          </select>
        )}
      </div>
    </fieldset>
  );
}

/** What is to be trained, and the machines that can be had. */
export function EstimateForm(props: Props) {
  const { options, form, wrong, busy, onChange, onSend } = props;
  const text = useEstimatesText();
  const field = (id: TextField, placeholder?: string) => (
    <label>
      <span>{text[id]}</span>
      <input value={form[id]} inputMode={id === 'deadline' ? 'text' : 'decimal'} placeholder={placeholder} aria-invalid={wrong.includes(id) ? true : undefined}
        onInput={(event) => onChange({ ...form, [id]: event.currentTarget.value })} />
    </label>
  );
  return (
    <form class="card estimate-form" aria-label={text.form} onSubmit={(event) => {
      event.preventDefault();
      onSend();
    }}>
      <h2>{text.form}</h2>
      <div class="fields">
        <label>
          <span>{text.network}</span>
          <select value={form.network} onChange={(event) => onChange({ ...form, network: event.currentTarget.value })}>
            {options.networks.map(({ name }) => <option key={name} value={name}>{name}</option>)}
            <option value="">{text.custom}</option>
          </select>
        </label>
        {form.network === '' && field('gflops')}
        {form.network === '' && field('parameters')}
        <label>
          <span>{text.precision}</span>
          <select value={form.precision} onChange={(event) => onChange({ ...form, precision: event.currentTarget.value })}>
            {options.precisions.map((one) => <option key={one} value={one}>{one}</option>)}
          </select>
        </label>
        {field('batch')}
        {field('items')}
        {field('epochs')}
        {field('budget', text.optional)}
        {field('deadline', text.deadlineExample)}
      </div>
      <Machines {...props} />
      <div class="row">
        <button type="submit" class="primary" disabled={busy}>{busy ? text.estimating : text.estimate}</button>
        {wrong.length > 0 && <span class="problem-line" role="alert">{text.wrong(wrong.map((id) => text[id]).join(', '))}</span>}
      </div>
    </form>
  );
}
