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

"""What tells recordings apart, wherever they lie."""

from __future__ import annotations

import hashlib
from pathlib import Path

WHOLE_BYTES = 256 << 20
SLICES, SLICE_BYTES = 64, 1 << 20


def fingerprint(path: Path) -> str:
    """
    Hash a recording: a file by its content, a folder by names and contents.

    Of a file larger than 256 MiB, its size and 64 slices of 1 MiB, evenly spread from its first
    byte to its last, stand for the content; the prefix of the result says so.

    :param path: the bag.
    :returns: 'sha256:...' or 'sha256-sampled:...'.
    """
    files = [path] if path.is_file() else sorted(p for p in path.rglob('*') if p.is_file())
    digest = hashlib.sha256()
    sampled = False
    for file in files:
        name = file.relative_to(path).as_posix()  # '.' for a bag that is one file
        size = file.stat().st_size
        digest.update(f'{name}\0{size}\0'.encode())
        sampled |= size > WHOLE_BYTES
        _add(digest, file, size)
    return f'sha256{"-sampled" if sampled else ""}:{digest.hexdigest()}'


def _add(digest: hashlib._Hash, file: Path, size: int) -> None:
    with file.open('rb') as stream:
        if size <= WHOLE_BYTES:
            while data := stream.read(SLICE_BYTES):
                digest.update(data)
            return
        for index in range(SLICES):
            stream.seek(index * (size - SLICE_BYTES) // (SLICES - 1))
            digest.update(stream.read(SLICE_BYTES))
