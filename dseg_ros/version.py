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

"""Which software made a result: written into data sets, checkpoints and models."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def software_version() -> str:
    """Name and version of this package: as installed, else as its package.xml has it."""
    from importlib import metadata  # slow to import, and rarely needed
    from xml.etree import ElementTree
    manifest = Path(__file__).parents[1] / 'package.xml'
    if manifest.is_file():
        return f'dseg_ros {ElementTree.parse(manifest).getroot().findtext("version")}'
    try:
        return f'dseg_ros {metadata.version("dseg_ros")}'
    except metadata.PackageNotFoundError:
        return 'dseg_ros unknown'
