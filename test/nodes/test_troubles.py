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

"""What is logged of an error: a line for what was foreseen, a traceback for what was not."""

from __future__ import annotations

from typing import Any

from dseg_ros.nodes.troubles import Troubles
from dseg_ros.runtime.engine import EngineError
import pytest


class Log:
    """A node that keeps what it is told to log."""

    def __init__(self) -> None:
        """Start empty."""
        self.lines: list[str] = []

    def get_logger(self) -> Any:
        """Be the logger too."""
        return self

    def error(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


@pytest.mark.parametrize(('error', 'foreseen'), [
    (ValueError('bad'), True), (OSError(28, 'full'), True), (EngineError('no model'), True),
    (RuntimeError('what?'), False)])
def test_errors_of_our_own_need_no_traceback(error: Exception, foreseen: bool) -> None:
    """An error that was foreseen is one line that says it all."""
    log = Log()
    try:
        raise error
    except Exception as caught:
        Troubles(log).add('somewhere', caught)
    assert ('Traceback' not in log.lines[0]) == foreseen and 'somewhere' in log.lines[0]
