#!/usr/bin/python3
"""Writes adf.csv: what statsmodels' adfuller says of 200 series, for every trend and choice of lags.

The series are made by the small generator below, which stationarity_test.cpp repeats bit for bit,
so that the file holds answers only. Run with Debian's python3-statsmodels; not needed by the tests.
"""
import csv
import warnings

from statsmodels.tsa.stattools import adfuller

MASK = (1 << 64) - 1


class Noise:
    """SplitMix64, and the sum of twelve uniform numbers as a near-normal one."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53

    def normal(self):
        total = 0.0
        for _ in range(12):
            total += self.uniform()
        return total - 6.0


def series(number):
    """Step times: level, memory of the last deviation, drift, and a peak every so often."""
    noise = Noise(number)
    length = 30 + 7 * (number % 61)
    memory = (0.0, 0.3, 0.6, 0.9, 0.97, 1.0)[number % 6]
    drift = (0.0, 0.0, 0.0001, 0.001)[number % 4]
    period = (0, 0, 10, 25)[(number // 3) % 4]
    spread = (0.01, 0.05, 0.2)[number % 3]
    deviation = 0.0
    values = []
    for i in range(length):
        deviation = memory * deviation + spread * noise.normal()
        peak = 0.5 if period and i % period == period - 1 else 0.0
        values.append(1.0 + deviation + drift * i + peak)
    return values


def main():
    warnings.simplefilter("ignore")
    with open("adf.csv", "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["series", "trend", "choice", "statistic", "p_value", "lags", "observations"])
        for number in range(1, 201):
            values = series(number)
            for trend in ("n", "c", "ct"):
                for choice in ("AIC", "BIC", "fixed"):
                    if choice == "fixed":
                        answer = adfuller(values, maxlag=4, regression=trend, autolag=None)
                    else:
                        answer = adfuller(values, regression=trend, autolag=choice)
                    rows.writerow([number, trend, choice, f"{answer[0]:.10g}", f"{answer[1]:.8g}", answer[2], answer[3]])


if __name__ == "__main__":
    main()
