// The words of estimates: before a run, and while it goes on.
export const estimatesEn = {
  title: 'Estimates', lead: 'What a training will take and cost on each kind of machine, before it runs.',
  form: 'The training', network: 'Network', custom: 'Another network', gflops: 'GFLOPs, forward, of one item', parameters: 'Parameters, millions', precision: 'Precision',
  batch: 'Batch of a GPU', items: 'Items of an epoch', epochs: 'Epochs', budget: 'Budget, $', deadline: 'Deadline', deadlineExample: '24h', optional: 'none',
  machines: 'Machines to choose from', gpu: 'GPU', gpus: 'GPUs', usd: '$ per hour', spot: 'Spot', add: 'Add a machine', remove: (name: string) => `Leave out ${name}`,
  machine: (n: number) => `Machine ${n}`, offers: 'From the price list', addOffer: 'Add…',
  cluster: 'Our own GPUs', prices: (n: number) => `All ${n} machines of the price list`, spotToo: 'Spot machines too',
  estimate: 'Estimate', estimating: 'Estimating…', wrong: (fields: string) => `Please look at: ${fields}.`, first: 'Describe the training and its machines, then choose Estimate.',
  results: 'Configurations', name: 'Machine', runtime: 'Runtime', interval: 'p10–p90', cost: 'Cost', costMost: 'p90', wait: 'Wait', finish: 'Finish', verdict: 'Verdict', note: 'Note',
  step: 'Step', recommended: 'Recommended', pareto: 'Pareto', paretoHint: 'Nothing else is sooner and cheaper',
  verdicts: { good: 'Possible', too_slow: 'Too slow', too_dear: 'Too dear', out_of_memory: 'Out of memory', impossible: 'Not possible' } as Record<string, string>,
  plot: 'Cost against time', plotSays: (n: number, best: string) => `Cost against time of ${n} configurations; recommended: ${best}`,
  timeAxis: 'Time to finish', costAxis: 'Cost', front: 'Pareto front', point: (name: string, time: string, cost: string) => `${name}: ${time}, ${cost}`,
  pointHint: 'Whiskers show p10 to p90. Point at a machine for its numbers.',
  accuracy: 'Estimates against what happened', accuracySays: (n: number) => `Estimated against actual runtime of ${n} jobs; the diagonal is a perfect estimate`,
  estimated: 'Estimated', actual: 'Actual', error: 'Off by', inside: 'Within p10–p90', job: 'Job', made: 'Made', at: 'When', yes: 'Yes', no: 'No',
  madeWords: { before: 'before the start', running: 'while it ran' } as Record<string, string>,
  mdape: 'Median error', coverage: 'Intervals that held', counted: 'Jobs measured', noAccuracy: 'No job with an estimate has ended yet. Jobs that report their progress are measured by themselves.',
  asTable: 'Table', asChart: 'Chart',
  progressOf: (name: string) => `Progress of ${name}`, remaining: (time: string) => `${time} left`, stepsOf: (step: string, total: string) => (total ? `step ${step} of ${total}` : `step ${step}`),
  epochsOf: (epoch: string, total: string) => (total ? `epoch ${epoch} of ${total}` : `epoch ${epoch}`), totalPredicted: 'the end as in earlier runs',
  aStep: (time: string) => `${time} a step`, etaUnknown: 'Not known yet',
  target: (metric: string, value: string, outlook: string, at: string) =>
    ({ expected: `${metric} ${value} expected at ${at}`, reached: `${metric} ${value} reached`, 'out of reach': `${metric} ${value} out of reach` } as Record<string, string>)[outlook] ?? '',
  costLeft: (usd: string) => `${usd} still to pay`, fromBefore: 'from what was known before it started', unsteady: 'its steps are still settling',
  etaHint: (at: string, least: string, most: string, from: string) => `Done at ${at}; four of five such jobs need ${least} to ${most} more${from === 'before' ? ' (known before it started)' : ''}`,
};

export type EstimatesText = typeof estimatesEn;
