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

"""Files that the package installs."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_directory

PACKAGE = 'dseg_ros'


def share() -> Path:
    """Find the folder of the installed package's files."""
    return Path(get_package_share_directory(PACKAGE))


def model_path(given: str) -> Path:
    """
    Find a model.

    :param given: its file; '' means the one that the package ships.
    :raises FileNotFoundError: if there is no such file.
    """
    if given:
        path = Path(given).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f'model {given!r}: no such file')
        return path
    shipped = sorted((share() / 'resource' / 'models').glob('*.onnx'))
    if not shipped:
        raise FileNotFoundError(f'no model is installed in {share() / "resource" / "models"}; '
                                'give one with engine.model')
    return shipped[0]
