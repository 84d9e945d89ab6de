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
A sample as members of a tar file, and back.

Clouds are npz files as numpy writes them: float32 without loss. Measured on the recorded drives
(113 k points, x y z intensity): stored plain 0.8 ms and 1.00 of the size, deflate 20..35 ms and
0.45..0.76, byte-shuffled zstd 3..4 ms and 0.56..0.73 but readable by our own code alone. So plain
is the default and deflate an option; both are read by numpy.load and by webdataset.
The json member comes last and holds a checksum of itself and of every other member: a sample
whose json is there is complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from io import BytesIO
import json
from typing import Any
import zipfile
from zlib import crc32

from dseg_ros.dataset.sample import DatasetError, RecordedView, Sample
from dseg_ros.types import Camera, Cloud, Dropped, Proposals
import numpy as np
from numpy.typing import NDArray

SCHEMA = 1
"""Version of the members' content and of the manifest."""

_HEAD = b'{"crc32": "%08x",'

Arrays = dict[str, NDArray[Any]]


def encode(sample: Sample, compress: bool = False) -> dict[str, bytes]:
    """
    Turn a sample into members.

    :param sample: the sample.
    :param compress: deflate the arrays.
    :returns: file contents by suffix ('cloud.npz', 'front.jpg', ..., 'json' last).
    """
    members = {'cloud.npz': pack_arrays(sample.cloud.arrays(), compress),
               'proposals.npz': pack_arrays(_proposal_arrays(sample.proposals), True)}
    members |= {f'{v.name}.{v.suffix}': v.data for v in sample.views}
    about = {
        'schema': SCHEMA, 'key': sample.key, 'source': sample.source,
        'stamp_ns': sample.cloud.stamp_ns, 'lidar_frame': sample.cloud.frame,
        'points': len(sample.cloud), 'proposals': len(sample.proposals),
        'method': sample.proposals.method,
        'views': [_view_record(v) for v in sample.views],
        'dropped': dict(sample.dropped.counts), 'problems': list(sample.problems),
        'members': {suffix: f'{crc32(data):08x}' for suffix, data in members.items()}}
    return {**members, 'json': seal(about)}


def decode(key: str, members: Mapping[str, bytes], verified: bool = False) -> Sample:
    """
    Turn members back into a sample.

    :param key: the sample's name, as its members are called.
    :param members: file contents by suffix.
    :param verified: the checksums were compared already.
    :raises DatasetError: naming the member that is missing or damaged.
    """
    about = read_record(key, members)
    if not verified:
        for suffix in about['members']:
            check_member(key, suffix, members, about)
    try:
        cloud = Cloud(stamp_ns=about['stamp_ns'], frame=about['lidar_frame'],
                      **unpack_arrays(members['cloud.npz']))
        arrays = unpack_arrays(members['proposals.npz'])
        arrays['point_ids'] = arrays['point_ids'].astype(np.int32)
        proposals = Proposals(stamp_ns=about['stamp_ns'], frame=about['lidar_frame'],
                              method=about['method'], **arrays)
        views = tuple(_view(record, members) for record in about['views'])
        return Sample(about['source'], cloud, proposals, views, Dropped(about['dropped']),
                      tuple(about['problems']))
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise DatasetError(f'{key}: {error}') from error


def read_record(key: str, members: Mapping[str, bytes]) -> dict[str, Any]:
    """
    Read a sample's json member.

    :raises DatasetError: if it is missing, damaged, of another version or of another sample.
    """
    if 'json' not in members:
        raise DatasetError(f'{key}.json: missing')
    about = unseal(f'{key}.json', members['json'])
    if about.get('schema') != SCHEMA:
        raise DatasetError(f'{key}.json: schema {about.get("schema")!r}, this software reads '
                           f'{SCHEMA}')
    if about['key'] != key:
        raise DatasetError(f'{key}.json: belongs to {about["key"]!r}')
    return about


def check_member(key: str, suffix: str, members: Mapping[str, bytes],
                 about: Mapping[str, Any]) -> None:
    """Raise DatasetError if a member is missing or differs from its checksum."""
    if suffix not in members:
        raise DatasetError(f'{key}.{suffix}: missing')
    found, expected = f'{crc32(members[suffix]):08x}', about['members'][suffix]
    if found != expected:
        raise DatasetError(f'{key}.{suffix}: damaged, checksum {found}, not {expected}')


def seal(values: Mapping[str, Any], indent: int | None = None) -> bytes:
    """
    Write JSON whose first entry is a checksum of everything after it.

    :param values: plain values.
    :param indent: spaces per level for people to read, or None for one line.
    """
    body = json.dumps(values, indent=indent, allow_nan=False).encode()[1:]
    return _HEAD % crc32(body) + body


def unseal(name: str, data: bytes) -> dict[str, Any]:
    """Read JSON that `seal` wrote, or raise DatasetError that calls it by its name."""
    head = len(_HEAD % 0)
    if data[:head] != _HEAD % crc32(data[head:]):
        raise DatasetError(f'{name}: damaged, its checksum does not fit')
    values: dict[str, Any] = json.loads(data)
    return values


def pack_arrays(arrays: Mapping[str, NDArray[Any]], compress: bool) -> bytes:
    """Write arrays as npz; the same arrays give the same bytes."""
    file = BytesIO()
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, 'w') as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f'{name}.npy'), _npy(array), method, 1)
    return file.getvalue()


def _npy(array: NDArray[Any]) -> bytes:
    """Write one array as numpy.save does, which copies piece by piece."""
    header = BytesIO()
    values = np.ascontiguousarray(array)
    about = np.lib.format.header_data_from_array_1_0(values)  # type: ignore[no-untyped-call]
    np.lib.format.write_array_header_1_0(header, about)  # type: ignore[no-untyped-call]
    return header.getvalue() + values.tobytes()


def unpack_arrays(data: bytes) -> Arrays:
    """Read all arrays of an npz."""
    with np.load(BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _proposal_arrays(proposals: Proposals) -> Arrays:
    arrays = {f.name: getattr(proposals, f.name) for f in fields(proposals)
              if f.name not in ('stamp_ns', 'frame', 'method')}
    if len(proposals) < np.iinfo(np.int16).max:
        arrays['point_ids'] = proposals.point_ids.astype(np.int16)
    return arrays


def _view_record(view: RecordedView) -> dict[str, Any]:
    camera = view.camera
    return {'name': view.name, 'suffix': view.suffix, 'stamp_ns': view.stamp_ns,
            'camera': {'frame': camera.frame, 'width': camera.width, 'height': camera.height,
                       'intrinsics': camera.intrinsics.tolist(),
                       'distortion': camera.distortion.tolist(), 'model': camera.model},
            'camera_T_lidar': view.camera_T_lidar.tolist(),
            'ego_motion_known': view.ego_motion_known}


def _view(record: Mapping[str, Any], members: Mapping[str, bytes]) -> RecordedView:
    return RecordedView(
        name=record['name'], data=members[f'{record["name"]}.{record["suffix"]}'],
        suffix=record['suffix'], stamp_ns=record['stamp_ns'],
        camera=_camera(json.dumps(record['camera'])),
        camera_T_lidar=np.asarray(record['camera_T_lidar'], np.float64),
        ego_motion_known=record['ego_motion_known'])


@lru_cache(maxsize=64)
def _camera(text: str) -> Camera:
    """Read a calibration; samples with the same one share it, and what is derived from it."""
    values = json.loads(text)
    for name in ('intrinsics', 'distortion'):
        values[name] = np.asarray(values[name], np.float64)
        values[name].setflags(write=False)
    return Camera(**values)
