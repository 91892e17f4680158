// The words of Studies. The Korean text has the same shape, checked by the compiler.
export const studiesEn = {
  title: 'Studies',
  empty: 'No studies yet. One JSON file turns a job that runs into a search over its settings, on GPUs that stand idle:',
  emptyCommand: 'galley tune study.json -- ./train.sh --lr {lr} --depth {depth}',
  emptyMore: 'The file names the parameters, the measure and the limits; docs/hpo.md has every key.',
  columns: {
    name: 'Study', state: 'State', trials: 'Trials', best: 'Best', gpuHours: 'GPU-hours', pools: 'Pools', started: 'Started', team: 'Team',
    took: 'Took', by: 'By',
  },
  pools: { live: 'Live', stop: 'Paused', dead: 'Dropped', ended: 'Ended' },
  poolsLine: (live: number, stop: number, dead: number, ended: number) => `${live} live, ${stop} paused, ${dead} dropped, ${ended} ended`,
  trialStates: { stopped: 'Paused', earlier: 'Earlier' } as Record<string, string>,
  head: {
    best: 'Best', trials: 'Trials', gpuHours: 'GPU-hours', ends: 'Ends', ended: 'Ended', took: 'Took', of: (n: string) => `of ${n}`, none: 'none yet',
    bestTrial: (n: number) => `trial ${n}`, endless: 'when it is stopped', soon: 'too early to say',
    live: 'Live', stop: 'Stop study', tabs: 'Parts of the study',
  },
  obstacle: 'No trial runs',
  race: {
    title: 'Finalists over several seeds', trial: 'Trial', runs: 'Runs', mean: 'Mean', interval: '95 % interval', none: 'None.',
  },
  stop: {
    title: (name: string) => `Stop ${name}?`, says: (live: number) => (live === 0 ? 'No trial runs now; none will be started.'
      : `${live} live ${live === 1 ? 'trial is' : 'trials are'} let go: their jobs are asked to write a checkpoint and end.`),
    keeps: 'All results stay. A stopped study cannot go on; a new one can begin with its file.', action: 'Stop study', done: (name: string) => `${name} is being stopped.`,
  },
  tabs: { trials: 'Trials', curves: 'Curves', pools: 'Pools', importance: 'Importance', file: 'File' },
  plot: {
    title: 'Parallel coordinates', label: (shown: string, all: string, axes: number) => `${shown} of ${all} trials over ${axes} axes; the table beside has the same trials`,
    help: 'Drag on an axis to mark a range, drag the range to move it, click beside it to take it away.', colour: 'Colour', clear: 'Clear marks',
    chosen: (shown: string, all: string) => `${shown} of ${all} trials`, region: 'New study from this region', noTrials: 'No trial has begun yet.',
    best: 'Best trial', good: 'better', bad: 'worse', limits: 'Limits by keyboard', least: (name: string) => `${name}: from`, most: (name: string) => `${name}: to`,
    absent: 'does not exist', descending: 'greater is better', ascending: 'less is better', marked: (name: string) => `Marked on ${name}`, clipped: 'Worse values are drawn at the end of the axis.',
    unmark: (name: string) => `Clear ${name}`, log: 'logarithmic', earlier: (n: string, names: string) => `${n} earlier ${n === '1' ? 'trial' : 'trials'}, of ${names}`,
  },
  table: {
    label: 'Chosen trials', trial: 'Trial', state: 'State', spent: (resource: string) => `Spent, ${resource}`, gpu: 'GPU-min', none: 'No trial lies in all marked ranges.',
    open: (n: number) => `Trial ${n}`, openIn: (name: string) => `Earlier trial ${name}`,
  },
  trial: {
    title: (n: number) => `Trial ${n}`, close: 'Close', params: 'Settings', attempts: 'Attempts', curve: 'Curve', lineage: 'Lineage', best: 'Best of the study',
    attempt: 'Attempt', job: 'Job', from: 'From', to: 'To', took: 'Took', ended: 'How it ended', runs: 'runs', why: 'Last decision', spent: 'Spent', gpuTime: 'GPU time', lost: 'Lost to preemption',
    checkpoint: 'Checkpoint', worker: 'Held by', value: 'Value', noCurve: 'It has reported nothing yet.', noAttempts: 'It has not begun.',
    ownWeights: 'All of its weights are its own.', copied: (n: number, at: string) => `weights of trial ${n} up to ${at}`, own: (from: string, to: string) => `its own settings from ${from} to ${to}`,
    endings: {
      released: 'let go', preempted: 'GPUs taken', finished: 'finished', failed: 'failed', infeasible: 'cannot be run',
    } as Record<string, string>,
  },
  region: {
    title: 'New study from this region', name: 'Name', reach: 'What is narrowed', marked: 'Marked axes only', box: 'All, to where the chosen trials lie',
    parameter: 'Parameter', before: 'Before', after: 'After', nothing: 'Nothing is narrowed: mark a range on a parameter, or take the box around the chosen trials.',
    file: 'The study file', download: 'Download', start: 'Start it', started: (name: string) => `${name} has begun.`,
    preview: (trials: string, hours: string, gpuHours: string) => `${trials} trials, about ${hours}, ${gpuHours} GPU-hours`, checking: 'Asking what it will take…', cancel: 'Close',
    asked: 'Its trials are asked for by your own program, as before.', warm: 'Begin with what this study found', command: 'Or from a terminal:',
  },
  curves: {
    earlier: 'Trials of the studies that it began with have their curves there.',
    title: (measure: string) => `Curves of ${measure}`, x: 'Along', resource: (name: string) => name, time: 'Time', note: (shown: string, all: string) => `${shown} of ${all} trials that have reported`,
    leaders: 'The best', none: 'No trial has reported yet.', label: (n: string, measure: string) => `${n} curves of ${measure}`, trial: 'Trial', best: 'Best', last: 'Last', until: 'Reached',
  },
  timeline: {
    pools: 'Trials in each pool', share: 'GPUs held', study: 'This study', tuning: 'Other studies', people: "People's jobs", free: 'Free', hours: 'hours', seconds: 'seconds', minutes: 'minutes',
    noGpus: 'No GPU was held while this study ran: its trials need none, or others carry them out.', since: 'Since it began', none: 'Nothing has happened yet.',
  },
  importance: {
    title: 'How much each parameter matters', pairs: 'Pairs beyond each alone', note: (trials: string) => `Share of the variance over the whole space that each explains, from ${trials} trials (fANOVA).`, earlier: (n: string) => `${n} of them are of the studies that it began with.`,
    rest: 'Interactions and noise', none: 'No pair matters beyond its two parameters.',
  },
  file: {
    title: 'The study file', repeat: 'The same again', download: 'Download', command: 'Save the file, then:', method: 'How it was set up', limits: 'What ends it',
    trials: (n: string) => `${n} trials`, gpuHours: (n: string) => `${n} GPU-hours`, hours: (n: string) => `${n} hours`, target: (n: string) => `a measure of ${n}`, never: 'nothing but a stop',
    resource: 'A trial’s budget', asked: 'Without a job in the file, programs ask for trials and tell results over HTTP.',
  },
};

export type StudiesText = typeof studiesEn;
