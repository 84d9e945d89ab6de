# Copyright 2026 The dseg_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Progress for people: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable
import os
import sys
import time
from types import TracebackType
from typing import Any

PLAIN_EVERY_S = 5.0


def speaks() -> bool:
    """Tell whether this process talks to people: of those that torchrun starts, the first."""
    return os.environ.get('RANK', '0') == '0'


class ProgressBar:
    """
    Show how far a recipe is; call it with (done, total).

    Use it as a context manager. `total` may grow and is 0 while unknown; what is done at the
    first call (finished work that is skipped) does not count for the rate.
    """

    def __init__(self, text: str, unit: str) -> None:
        """
        Prepare, showing nothing yet.

        :param text: what is being done.
        :param unit: what is counted, in the plural.
        """
        self.text, self.unit = text, unit
        self._bar: Any = None
        self._task: Any = None
        self._first: tuple[int, float] | None = None
        self._last = (0, 0)
        self._told, self._told_s = (0, 0), 0.0

    def __enter__(self) -> ProgressBar:
        """Start showing."""
        if sys.stderr.isatty() and speaks():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
            self._bar = Progress(
                TextColumn('{task.description}'), BarColumn(),
                TextColumn('{task.completed}/{task.total} {task.fields[rate]}'),
                TimeRemainingColumn(), console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self.text, total=None, rate='')
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Take the bar away; without a terminal, say how far it came."""
        if self._bar is not None:
            self._bar.stop()
        elif self._first is not None and self._last != self._told:
            self._tell(*self._last)

    def __call__(self, done: int, total: int) -> None:
        """
        Show progress.

        :param done: units that are finished.
        :param total: units there are, 0 if unknown.
        """
        now_s = time.monotonic()
        if self._first is None:
            self._first = (done, now_s)
            self._told_s = now_s
        self._last = (done, total)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total or None,
                             rate=f'{self._rate():.1f} {self.unit}/s')
        elif now_s - self._told_s >= PLAIN_EVERY_S:
            self._tell(done, total)

    def note(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        elif speaks():
            print(text, file=sys.stderr, flush=True)

    def _rate(self) -> float:
        """Return units per second since the first call."""
        assert self._first is not None
        start, start_s = self._first
        return (self._last[0] - start) / max(time.monotonic() - start_s, 1e-6)

    def _tell(self, done: int, total: int) -> None:
        self._told, self._told_s = (done, total), time.monotonic()
        if not speaks():
            return
        rate = self._rate()
        left = f', {(total - done) / rate:.0f} s left' if rate > 0 and total > done else ''
        speed = f', {rate:.1f}/s' if rate > 0 else ''
        print(f'{self.text}: {done}{f" of {total}" if total else ""} {self.unit}{speed}{left}',
              file=sys.stderr, flush=True)


class Stages:
    """Bars of stages that follow one another: each appears with its first progress."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._bar: ProgressBar | None = None
        self._text = ''
        self._warned: set[tuple[str, str]] = set()

    def __enter__(self) -> Stages:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End the last stage's bar."""
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)
            self._bar = None

    def stage(self, text: str, unit: str) -> Callable[[int, int], None]:
        """Return what tells of a stage's progress; parameters as for ProgressBar."""
        def progress(done: int, total: int) -> None:
            if self._bar is None or self._text != text:
                self.__exit__(None, None, None)
                self._bar, self._text = ProgressBar(text, unit).__enter__(), text
            self._bar(done, total)
        return progress

    def warn(self, about: str, text: str) -> None:
        """
        Print a warning, once in a stage for what it is about.

        :param about: e.g. the name of a class.
        :param text: the warning.
        """
        if (self._text, about) in self._warned:
            return
        self._warned.add((self._text, about))
        (self._bar or ProgressBar('', '')).note(f'dseg: warning: {text}')
