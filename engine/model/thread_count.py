"""Choose the number of threads for a computation that is repeated: a step of training, or a token."""

from collections import deque

import torch

FIRST_TRIAL, NEXT_TRIAL = 1.0, 10.0  # least seconds of computing before a trial
SHARE = 0.05  # largest share of the time for trials
TRIAL_STEPS = 2
FASTER = 0.9  # share of a step's time that a step with the other number of threads must stay below


class ThreadCount:
    """Chooses all threads or one, whichever computes a step faster: one while other processes keep the cores busy.

    Threads wait for each other a thousand times in a step, and each wait lasts until the slowest of them is given a
    core. On two cores with a dozen busy processes a step took 0.3 to 0.7 s with one thread, 2.2 to 3.9 s with two.
    Use it as a context manager, which restores torch's number of threads at the end.
    """

    def __init__(self) -> None:
        self._all = self.count = torch.get_num_threads()
        self._usual: deque[float] = deque(maxlen=3)  # seconds of the last steps with the number chosen
        self._trial: list[float] | None = None  # seconds of steps with the other number
        self._since_trial, self._pause = 0.0, FIRST_TRIAL

    def __enter__(self) -> "ThreadCount":
        return self

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._all)

    def choose(self, seconds: float) -> None:
        """Choose the number of threads for the next step, given how long the last one took."""
        if self._all == 1:
            return
        if self._trial is not None:
            self._trial.append(seconds)
            if len(self._trial) == TRIAL_STEPS or seconds > 2 * min(self._usual):
                self._end_trial(self._trial)
            return
        self._usual.append(seconds)
        self._since_trial += seconds
        if self._since_trial > self._pause:
            self._trial = []
            self._switch()

    def _end_trial(self, trial: list[float]) -> None:
        if min(trial) < FASTER * min(self._usual):
            self._usual = deque(trial, maxlen=3)
        else:
            self._switch()
        self._trial, self._since_trial = None, 0.0
        self._pause = max(NEXT_TRIAL, sum(trial) / SHARE)

    def _switch(self) -> None:
        self.count = 1 if self.count > 1 else self._all
        torch.set_num_threads(self.count)
