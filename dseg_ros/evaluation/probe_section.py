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

"""What `dseg probe` found, as a section of a page."""

from __future__ import annotations

from html import escape
import json
from pathlib import Path
from typing import Any

from dseg_ros.evaluation.chain import ChainError
from dseg_ros.evaluation.page import facts, heading, note, panel, table
from dseg_ros.evaluation.probes import PROBES


def probe_section(path: Path) -> str:
    """
    Compare the networks that were probed, with their protocols.

    :param path: the file that `dseg probe --out` wrote.
    :raises ChainError: for a missing file, or one that is none.
    """
    try:
        found = json.loads(path.read_text())
        rows = [[escape(one['network']), *(_figure(one[probe][what]) for probe in PROBES
                                           for what in ('miou', 'pixel_accuracy'))]
                for one in found['probes']]
        how = ''.join(heading(one['network']) + facts(one['protocol']) for one in found['probes'])
        made = facts({name: str(found[name]) for name in ('software', 'machine')})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ChainError(f'{path}: no file of dseg probe: {error!r}') from error
    heads = [f'{probe}, {what}' for probe in PROBES for what in ('mIoU', 'accuracy')]
    return note('How well few labels tell classes apart in the features of a network that stays '
                'as it is; in %.') + panel(table(
                    ['network', *heads], rows, range(1, 1 + len(heads)))) + panel(made + how)


def _figure(percent: Any) -> str:
    return '–' if percent is None else f'{float(percent):.1f}'
