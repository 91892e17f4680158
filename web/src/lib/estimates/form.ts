// What the form asks, as a request of the server. Pure.
import type { EstimateOptions, EstimateRequest, Offer } from '../../api/estimate_types';

export interface MachineDraft {
  gpu: string;
  gpus: string;
  usd: string;
  spot: boolean;
}

export interface FormDraft {
  /** A known name, or empty: counts are given. */
  network: string;
  gflops: string;
  parameters: string;
  precision: string;
  batch: string;
  items: string;
  epochs: string;
  budget: string;
  deadline: string;
  cluster: boolean;
  prices: boolean;
  spotToo: boolean;
  machines: MachineDraft[];
}

export type FormField = Exclude<keyof FormDraft, 'precision' | 'network' | 'cluster' | 'prices' | 'spotToo'>;

const kMostMachines = 50;
const kFirstMachines = 6;

const positive = (text: string): number | undefined => {
  const number = Number(text.replaceAll(',', ''));
  return text.trim() !== '' && Number.isFinite(number) && number > 0 ? number : undefined;
};
const whole = (text: string): number | undefined => {
  const number = positive(text);
  return number !== undefined && Number.isInteger(number) ? number : undefined;
};

/** The cheapest offer of each of the fastest devices that can be rented. */
export function offersFirst(options: EstimateOptions): MachineDraft[] {
  const cheapest = new Map<string, Offer>();
  const each = ({ usd_per_hour, gpus }: Offer) => usd_per_hour / gpus;
  for (const offer of options.offers) {
    const known = cheapest.get(offer.gpu);
    if (!offer.spot && Number.isInteger(offer.gpus) && (!known || each(offer) < each(known))) cheapest.set(offer.gpu, offer);
  }
  const speed = new Map(options.gpus.map(({ name, fp16_tflops = 0 }) => [name, fp16_tflops]));
  return [...cheapest.values()].sort((a, b) => (speed.get(b.gpu) ?? 0) - (speed.get(a.gpu) ?? 0)).slice(0, kFirstMachines).map(machineOf);
}

export const machineOf = (offer: Offer): MachineDraft =>
  ({ gpu: offer.gpu, gpus: String(offer.gpus), usd: String(Number(offer.usd_per_hour.toFixed(4))), spot: offer.spot ?? false });

/** Offers under their devices, in the order of names, each with its place in the list. */
export function offersByGpu(offers: readonly Offer[]): [string, [Offer, number][]][] {
  const groups = new Map<string, [Offer, number][]>();
  offers.forEach((offer, index) => groups.set(offer.gpu, [...(groups.get(offer.gpu) ?? []), [offer, index]]));
  return [...groups].sort((a, b) => a[0].localeCompare(b[0], 'en', { numeric: true }))
    .map(([gpu, list]) => [gpu, list.sort(([a], [b]) => a.gpus - b.gpus || a.usd_per_hour - b.usd_per_hour)]);
}

export const offerName = ({ gpus, provider, instance, usd_per_hour, spot }: Offer, spotWord: string): string =>
  [`${gpus}×`, [provider, instance].filter(Boolean).join(' '), `$${usd_per_hour}`, spot ? spotWord : ''].filter(Boolean).join(' · ');

export function emptyForm(options: EstimateOptions): FormDraft {
  const network = options.networks.find(({ name }) => name === 'resnet50') ?? options.networks[0];
  return {
    network: network?.name ?? '', gflops: '', parameters: '',
    precision: options.precisions.find((one) => one === 'fp16') ?? options.precisions[0] ?? 'fp32',
    batch: '128', items: '1281167', epochs: '90', budget: '', deadline: '',
    cluster: (options.cluster ?? []).length > 0, prices: false, spotToo: false, machines: offersFirst(options),
  };
}

/** The request, or the fields that cannot be read. */
export function requestOf(form: FormDraft): { request: EstimateRequest } | { wrong: FormField[] } {
  const wrong: FormField[] = [];
  const take = <T>(field: FormField, value: T | undefined): T => {
    if (value === undefined) wrong.push(field);
    return value as T;
  };
  const optional = (field: FormField, text: string) => (text.trim() === '' ? undefined : take(field, positive(text)));
  const network = form.network !== '' ? form.network
    : { name: 'custom', forward_gflops: take('gflops', positive(form.gflops)), parameters_m: take('parameters', positive(form.parameters)) };
  const batch_per_gpu = take('batch', whole(form.batch));
  const items = take('items', whole(form.items));
  const epochs = take('epochs', positive(form.epochs));
  const budget = optional('budget', form.budget);
  const deadline = form.deadline.trim();
  if (deadline !== '' && !/^(?:\d+(?:\.\d+)?\s*(?:d|h|min|m|s)\s*)+$/.test(deadline)) wrong.push('deadline');
  const configurations = form.machines.map(({ gpu, gpus, usd, spot }) => {
    const count = whole(gpus);
    const price = usd.trim() === '' ? 0 : Number(usd);
    if (gpu === '' || count === undefined || !Number.isFinite(price) || price < 0) take('machines', undefined);
    return { gpu, gpus: count ?? 0, usd_per_hour: price, ...(spot ? { spot } : {}) };
  });
  const others = form.cluster || form.prices;
  if ((configurations.length === 0 && !others) || configurations.length > kMostMachines) wrong.push('machines');
  if (wrong.length > 0) return { wrong: [...new Set(wrong)] };
  return {
    request: {
      kind: 'estimate', version: 1, network, precision: form.precision, batch_per_gpu, items, epochs,
      ...(budget !== undefined ? { budget_usd: budget } : {}), ...(deadline !== '' ? { deadline: deadline.replaceAll(/\s+/g, '') } : {}),
      cluster: form.cluster, prices: form.prices, spot: form.prices && form.spotToo, ...(configurations.length > 0 ? { configurations } : {}),
    },
  };
}
