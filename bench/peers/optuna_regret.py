#!/usr/bin/python3
"""Optuna's samplers on the problems of `galley bench hpo-regret`, as CSV on stdout.

Every value comes from `galley-bench hpo-functions`, started by this script, so that both sides
minimise the same function to the last bit. A row holds the regret of the configuration that
reported the least so far, judged by its truth, after 10, 25, 50 and 100 trials.

    optuna_regret.py --server bin/galley-bench hpo-functions --problems branin bbob-f1 --seeds 30
"""
import argparse
import json
import subprocess
import sys
import warnings

import optuna

CHECKPOINTS = (10, 25, 50, 100)
SAMPLERS = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "tpe_multivariate": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            raise RuntimeError(f"'{line}' was answered with '{answer}'")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def suggest(trial, parameters):
    values = []
    for i, parameter in enumerate(parameters):
        name = f"x{i}"
        low, high = parameter["low"], parameter["high"]
        if parameter["kind"] == "real":
            values.append(trial.suggest_float(name, low, high))
        elif parameter["kind"] == "ordered":
            values.append(trial.suggest_int(name, int(low), int(high)))
        else:
            values.append(trial.suggest_categorical(name, list(range(int(high) + 1))))
    return values


def run(server, problem, seed, sampler):
    facts = json.loads(server.ask(f"open {problem} {seed}"))
    study = optuna.create_study(sampler=SAMPLERS[sampler](seed))
    least, regret, row = float("inf"), float("nan"), []
    for query in range(CHECKPOINTS[-1]):
        trial = study.ask()
        values = suggest(trial, facts["parameters"])
        answer = server.ask(f"eval {query} " + " ".join(repr(float(value)) for value in values))
        observed, truth = map(float, answer.split())
        study.tell(trial, observed)
        if observed < least:
            least, regret = observed, max(0.0, truth - facts["best"])
        if query + 1 in CHECKPOINTS:
            row.append(f"{regret:.8g}")
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", nargs="+", required=True)
    parser.add_argument("--problems", nargs="+", required=True)
    parser.add_argument("--samplers", nargs="+", default=["tpe", "tpe_multivariate", "cmaes"])
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=30)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    server = Server(options.server)
    print("problem,seed,sampler," + ",".join(f"regret_{n}" for n in CHECKPOINTS), flush=True)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for problem in options.problems:
            for sampler in options.samplers:
                row = run(server, problem, seed, sampler)
                print(f"{problem},{seed},{sampler}," + ",".join(row), flush=True)
    server.close()


if __name__ == "__main__":
    sys.exit(main())
