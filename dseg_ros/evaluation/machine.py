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

"""The machine that a figure was measured on, for the protocol beside it."""

from __future__ import annotations

import os
from pathlib import Path
import platform


def machine() -> str:
    """Name processor, cores, GPU and the versions that count; a vehicle has no torch."""
    try:
        import torch
    except ImportError:
        gpu, version = 'GPU not looked for', 'no torch'
    else:
        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'
        version = f'torch {torch.__version__}'
    return (f'{_processor()}, {len(os.sched_getaffinity(0))} cores, {gpu}; '
            f'{platform.system()} {platform.machine()}, Python {platform.python_version()}, '
            f'{version}')


def _processor() -> str:
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor() or 'unknown processor'
