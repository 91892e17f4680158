"""Fits a line to noisy points and reports the loss after each step."""
import numpy as np

rng = np.random.default_rng(7)
x = rng.uniform(-1, 1, 1000)
y = 3 * x + 0.5 + rng.normal(0, 0.1, x.size)
slope, offset = 0.0, 0.0
for step in range(1, 51):
    error = slope * x + offset - y
    slope -= 0.5 * float(np.mean(error * x))
    offset -= 0.5 * float(np.mean(error))
    print(f"galley:: step={step} loss={float(np.mean(error**2)):.6f}", flush=True)
