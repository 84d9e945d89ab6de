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

"""
Test the options of the player.

The player itself is tested with its node and its core.
"""

from __future__ import annotations

from dseg_ros.config.player import PlayerConfig
from dseg_ros.config.schema import ConfigError
import pytest


def test_who_answers_whom() -> None:
    """Several results may answer one input."""
    config = PlayerConfig(lock_step=True, lock_step_results=('/a -> /x', '/a->/y', '/b -> z'))
    assert config.results() == {'/a': ('/x', '/y'), '/b': ('z',)}


@pytest.mark.parametrize('line', ['/a', '/a ->', '/a -> /b -> /c', '/a /b', '/a -> /b /c'])
def test_answers_that_cannot_be_read(line: str) -> None:
    """The error shows the line."""
    with pytest.raises(ConfigError, match='is not .input_topic -> result_topic') as error:
        PlayerConfig(lock_step_results=(line,))
    assert repr(line) in str(error.value)


def test_lock_step_needs_answers() -> None:
    """Waiting for nobody would be no lock step."""
    with pytest.raises(ConfigError, match='lock_step_results'):
        PlayerConfig(lock_step=True)
