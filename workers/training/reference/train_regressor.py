"""The reference training job: a small regressor on random data that a suspension leaves no trace in.

Runs by hand (`python train_regressor.py`) and under carbonq. Where carbonq is not installed, a copy of this file trains
all the same: from the first epoch to the last, without a checkpoint.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

try:
    from workers.training import TrainingSession
except ModuleNotFoundError:
    TrainingSession = None  # type: ignore[assignment,misc]

SAMPLES, FEATURES, HIDDEN, OUTPUTS = 10_000, 10, 20, 1
LEARNING_RATE = 0.001


class Regression:
    """Network, data and optimizer, all of them decided by the seed."""

    def __init__(self, seed: int, device: str) -> None:
        torch.manual_seed(seed)
        # Drawn on the CPU, so that every device trains on the same numbers.
        self.inputs = torch.randn(SAMPLES, FEATURES).to(device)
        self.targets = torch.randn(SAMPLES, OUTPUTS).to(device)
        self.model = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUTPUTS)).to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=LEARNING_RATE)

    def train_epoch(self) -> Tensor:
        """One step on all samples; the loss before it."""
        self.optimizer.zero_grad()
        loss = nn.functional.mse_loss(self.model(self.inputs), self.targets)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()


def main() -> None:
    options = parse_options()
    compute_repeatably()
    regression = Regression(options.seed, options.device)
    if TrainingSession is None:
        train(regression, range(1, options.epochs + 1), options)
        return
    model, optimizer = regression.model, regression.optimizer
    with TrainingSession(total=options.epochs, model=model, optimizer=optimizer) as session:
        if session.step:
            print(f"resumed after epoch {session.step}", flush=True)
        train(regression, session, options, session.report)


def train(
    regression: Regression,
    epochs: Iterable[int],
    options: argparse.Namespace,
    report: Callable[[Tensor], None] = lambda loss: None,
) -> None:
    for epoch in epochs:
        begun_s = time.monotonic()
        loss = regression.train_epoch()
        report(loss)
        if epoch % options.log_every == 0 or epoch == options.epochs:
            # Nine digits tell any two float32 apart.
            print(f"epoch {epoch:6d}  loss {loss.item():.9g}", flush=True)
        time.sleep(max(0.0, options.epoch_seconds - (time.monotonic() - begun_s)))


def compute_repeatably() -> None:
    """The same seed gives the same losses, however many cores the machine has."""
    # Two cores are no faster on sums this small, and would add them in another order.
    torch.set_num_threads(1)
    # cuBLAS repeats its sums only with this set before its first use.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a small regressor on random data.")
    parser.add_argument("--epochs", type=positive, default=1000, help="full-batch epochs (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="decides data and initial weights (default: 0)")
    parser.add_argument("--device", default=None, help="cpu, cuda, cuda:1 … (default: cuda where there is one)")
    parser.add_argument("--log-every", type=positive, default=100, help="epochs between loss lines (default: 100)")
    pace = "least seconds an epoch takes, for a job of a known length (default: 0)"
    parser.add_argument("--epoch-seconds", type=not_negative, default=0.0, help=pace)
    options = parser.parse_args()
    options.device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    return options


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def not_negative(text: str) -> float:
    number = float(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return number


if __name__ == "__main__":
    main()
