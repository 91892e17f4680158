// The words of runs, of one run, and of runs compared.
export const runsEn = {
  columns: 'Columns', findColumn: 'Find a metric or parameter', usual: 'Usual columns', noColumn: 'Nothing of that name.',
  families: { metrics: 'Metrics', params: 'Parameters', tags: 'Tags' } as Record<string, string>,
  compare: (n: number) => (n === 0 ? 'Compare' : `Compare ${n}`), compareHint: 'Choose two runs or more to compare them (x chooses the row).',
  most: (n: number) => `At most ${n} runs are compared at once.`, choose: (name: string) => `Choose ${name}`, clear: 'Choose none',
  total: (n: string) => `${n} runs`, chosen: (n: number) => `${n} chosen`, sortBy: (name: string) => `Sort by ${name}`,
  help: 'Press / to filter, j and k to move, x to choose, Enter to open.', filterExample: 'metrics.loss < 0.3 and params.lr > 0.01',
  axis: 'Horizontal axis', axes: { step: 'Step', relative: 'Elapsed', wall: 'Clock' }, smooth: 'Smoothing', log: 'Log scale',
  findMetric: 'Find a metric', more: (n: number) => `Show ${n} more`, last: 'last', best: 'best', atStep: (step: string) => `at step ${step}`,
  lineage: 'Lineage', noPositive: 'A logarithmic axis shows positive values only.', data: 'Data',
  lineageWords: {
    code: 'Code', environment: 'Environment', data: 'Data', datasets: 'Data sets', parent: 'Parent', parents: 'Parents', children: 'Children',
    git: 'Git', commit: 'Commit', branch: 'Branch', dirty: 'Uncommitted changes', image: 'Image', command: 'Command', inputs: 'Inputs', outputs: 'Outputs',
    sources: 'Sources', snapshots: 'Snapshots', job: 'Job', study: 'Study', trial: 'Trial',
    repository: 'Repository', node: 'Machine', nodes: 'Machines', gpus: 'GPUs', 'gpu.type': 'GPU type', 'gpu.driver': 'GPU driver', cuda: 'CUDA version',
    python: 'Python version', os: 'Operating system', 'image.digest': 'Image digest', user: 'User', attempts: 'Attempts',
  } as Record<string, string>,
  yes: 'Yes', no: 'No',
  compared: {
    title: 'Compare runs', tabs: 'Parts of the comparison', curves: 'Curves', table: 'Table', relations: 'Relations', remove: (name: string) => `Leave out ${name}`,
    none: 'Choose runs in the table to compare them.', toRuns: 'To the runs', onlyDifferent: 'Only what differs', differs: 'differs',
    same: 'The runs do not differ in this.', params: 'Parameters', metrics: 'Metrics', tags: 'Tags', run: 'Run', state: 'State', took: 'Took', started: 'Started',
    goal: { min: 'least', max: 'most' }, best: 'Best of the runs', scatter: 'One against another', parallel: 'All at once', across: 'Across', up: 'Up',
    needTwo: 'This needs a parameter that differs and a metric.', noMetrics: 'No metrics yet.', noValue: 'none',
    scatterSays: (x: string, y: string, n: number) => `${y} against ${x}, ${n} runs`, parallelSays: (axes: string) => `A line for each run over ${axes}`,
    log: 'log',
  },
};

export type RunsText = typeof runsEn;
