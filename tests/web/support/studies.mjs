// Studies as a tuner would leave them, told over HTTP.
const kAtOnce = 32;

const real = (low, high, log = true) => ({ type: 'float', distribution: log ? 'log_uniform' : 'uniform', parameters: [low, high] });
const choice = (...parameters) => ({ type: 'str', distribution: 'categorical', parameters });

/** Ten parameters of all kinds, one of them only where the optimiser is SGD. */
export const studyFile = (name, trials, more = {}) => ({
  kind: 'study', version: 1, name,
  h_params: {
    lr: real(1e-4, 1), weight_decay: real(1e-6, 1e-1), dropout: real(0, 0.7, false), momentum: real(0.1, 0.99, false),
    depth: { type: 'int', distribution: 'uniform', parameters: [2, 12] },
    width: { distribution: 'ordered', parameters: [64, 128, 256, 512, 1024] },
    batch: { type: 'int', distribution: 'uniform', parameters: [32, 256], step: 32 },
    opt: choice('sgd', 'adam', 'lamb'), act: choice('relu', 'gelu', 'silu', 'tanh'), warmup: real(0, 2000, false),
  },
  h_params_conditions: [{ param: 'momentum', when: { opt: 'sgd' } }],
  measure: 'accuracy', order: 'descending', resource: 'epoch', max_resource: 20, tune: 'random',
  termination: { max_session_number: trials }, seed: 7, ...more,
});

/** Greatest near a learning rate of 0.01 and a width of 512; a little noise that the trial's number decides. */
export function accuracyOf(params, trial) {
  const noise = (((trial + 1) * 2654435761) % 1000) / 1000 - 0.5;
  const fit = Math.exp(-((Math.log10(params.lr) + 2) ** 2) / 1.2) * Math.exp(-((Math.log2(params.width) - 9) ** 2) / 8);
  return Math.max(0.1, Math.min(0.99, 0.35 + 0.55 * fit * (params.opt === 'adam' ? 1 : 0.9) - 0.1 * params.dropout + 0.03 * noise));
}

const curve = (last, epoch, most) => last * (1 - 0.7 * Math.exp((-5 * epoch) / most));

/** Runs every trial; with `epochs`, each reports on its way. `until`: trials that end; the others are left where they are. */
export async function carryOut(server, study, trials, { epochs = [], until = trials } = {}) {
  const path = `/api/v1/studies/${study.id}`;
  const orders = [];
  while (orders.length < trials) {
    const { items } = await server.call('POST', `${path}/ask`, { count: Math.min(1000, trials - orders.length) });
    if (items.length === 0) break;
    orders.push(...items);
  }
  let next = 0;
  const worker = async () => {
    while (next < orders.length) {
      const { trial, params, budget } = orders[next];
      next += 1;
      const last = accuracyOf(params, trial);
      for (const epoch of epochs)
        await server.call('POST', `${path}/tell`, { trial, state: 'running', resource: epoch, value: curve(last, epoch, budget) });
      if (trial % 37 === 36) await server.call('POST', `${path}/tell`, { trial, state: 'failed', reason: 'out of memory' });
      else if (trial < until) await server.call('POST', `${path}/tell`, { trial, value: curve(last, budget, budget) });
    }
  };
  await Promise.all(Array.from({ length: kAtOnce }, worker));
}
