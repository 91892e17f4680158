#!/usr/bin/python3
"""What a pair of ask and tell costs Optuna's TPE: "name microseconds" lines on stdout.

The study has the eight parameters of `galley bench hpo-overhead` and holds 1,000 or 10,000 finished
trials; the time is that of ask, eight suggestions and tell, the median and p99 of 100 pairs.
"""
import math
import sys
import time

import optuna

PAIRS = 100
DISTRIBUTIONS = {
    **{f"x{i}": optuna.distributions.FloatDistribution(1e-5, 1, log=True) for i in range(4)},
    **{f"x{i}": optuna.distributions.IntDistribution(1, 64) for i in range(4, 6)},
    **{f"x{i}": optuna.distributions.CategoricalDistribution([0, 1, 2, 3]) for i in range(6, 8)},
}


def objective(params):
    total = sum((math.log10(params[f"x{i}"]) + 2) ** 2 for i in range(4))
    total += sum((params[f"x{i}"] / 32 - 1) ** 2 for i in range(4, 6))
    return total + sum(params[f"x{i}"] != 2 for i in range(6, 8))


def preloaded(trials, seed):
    import random

    draw = random.Random(seed)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for _ in range(trials):
        params = {
            **{f"x{i}": 10 ** draw.uniform(-5, 0) for i in range(4)},
            **{f"x{i}": draw.randint(1, 64) for i in range(4, 6)},
            **{f"x{i}": draw.randint(0, 3) for i in range(6, 8)},
        }
        study.add_trial(optuna.trial.create_trial(
            params=params, distributions=DISTRIBUTIONS, value=objective(params)))
    return study


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for trials, suffix in ((1_000, "1k"), (10_000, "10k")):
        study = preloaded(trials, seed)
        wall, cpu = [], []
        for _ in range(PAIRS):
            wall_start, cpu_start = time.perf_counter(), time.thread_time()
            trial = study.ask(DISTRIBUTIONS)
            study.tell(trial, objective(trial.params))
            cpu.append((time.thread_time() - cpu_start) * 1e6)
            wall.append((time.perf_counter() - wall_start) * 1e6)
        print(f"ask_tell_us_p50_{suffix} {sorted(wall)[PAIRS // 2]:.1f}")
        print(f"ask_tell_us_p99_{suffix} {sorted(wall)[PAIRS - 2]:.1f}")
        print(f"ask_tell_cpu_us_p50_{suffix} {sorted(cpu)[PAIRS // 2]:.1f}")


if __name__ == "__main__":
    main()
