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

"""ROS messages to arrays: every layout of a cloud, calibrations, transforms; bad ones named."""

from __future__ import annotations

from array import array
from types import SimpleNamespace as Message
from typing import Any

from dseg_ros.bags.messages import camera_from_message, cloud_from_message, MessageError
from dseg_ros.bags.messages import stamp_ns, transform_from_message
from dseg_ros.bags.pointcloud2 import DATATYPES, NOT_FINITE, TIME_UNKNOWN
from dseg_ros.types import Dropped
from hypothesis import given, HealthCheck, settings, strategies as st
import numpy as np
import pytest

CODES = {v: k for k, v in DATATYPES.items()}
STAMP_S = 1_700_000_000
FAST = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def header(sec: int = STAMP_S, nanosec: int = 250_000_000, frame: str = 'lidar') -> Message:
    """Make a header."""
    return Message(stamp=Message(sec=sec, nanosec=nanosec), frame_id=frame)


def cloud_message(fields: dict[str, tuple[str, Any]], /, *, height: int = 1, gaps: int = 0,
                  point_pad: int = 0, row_pad: int = 0, big: bool = False,
                  **changes: Any) -> Message:
    """
    Serialize columns as PointCloud2 the slow and obvious way, point by point.

    :param fields: by name their type ('f4') and values.
    :param gaps: unused bytes before every field.
    """
    order = '>' if big else '<'
    count = len(next(iter(fields.values()))[1])
    offset, described = 0, []
    for name, (kind, _) in fields.items():
        offset += gaps
        described.append(Message(name=name, offset=offset, datatype=CODES[kind], count=1))
        offset += np.dtype(kind).itemsize
    step = offset + point_pad
    width = count // height
    data = bytearray()
    for row in range(height):
        for i in range(row * width, (row + 1) * width):
            point = bytearray(b'\xaa' * step)
            for field, (kind, values) in zip(described, fields.values()):
                raw = np.array(values[i], np.dtype(order + kind)).tobytes()
                point[field.offset:field.offset + len(raw)] = raw
            data += point
        data += b'\xbb' * row_pad
    values = {'header': header(), 'height': height, 'width': width, 'fields': described,
              'is_bigendian': big, 'point_step': step, 'row_step': width * step + row_pad,
              'data': array('B', bytes(data)), 'is_dense': False}
    return Message(**{**values, **changes})


def xyz(count: int, kind: str = 'f4', seed: int = 0) -> dict[str, tuple[str, Any]]:
    """Make x, y, z columns."""
    values = np.random.default_rng(seed).normal(0, 30, (3, count)).astype(kind)
    return {name: (kind, column) for name, column in zip('xyz', values)}


@FAST
@given(data=st.data())
def test_any_layout_is_read(data: st.DataObject) -> None:
    """Padding, byte order, types, rows and the order of fields change nothing in the values."""
    height = data.draw(st.integers(1, 4))
    count = height * data.draw(st.integers(1, 6))
    fields = xyz(count, data.draw(st.sampled_from(['f4', 'f8'])), data.draw(st.integers(0, 99)))
    fields['intensity'] = (data.draw(st.sampled_from(sorted(CODES))), np.arange(count) % 100)
    fields['ring'] = (data.draw(st.sampled_from(sorted(CODES))), np.arange(count) % 64)
    for axis in 'xyz':
        holes = data.draw(st.lists(st.integers(0, count - 1), max_size=2))
        fields[axis][1][holes] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    names = data.draw(st.permutations(list(fields)))
    msg = cloud_message({n: fields[n] for n in names}, height=height,
                        gaps=data.draw(st.integers(0, 3)), point_pad=data.draw(st.integers(0, 5)),
                        row_pad=data.draw(st.integers(0, 7)), big=data.draw(st.booleans()))
    before = bytes(msg.data)
    cloud, dropped = cloud_from_message(msg)
    good = np.isfinite([fields[a][1] for a in 'xyz']).all(axis=0)
    for axis in 'xyz':
        np.testing.assert_array_equal(getattr(cloud, axis),
                                      fields[axis][1][good].astype(np.float32))
        assert getattr(cloud, axis).dtype == np.float32
    np.testing.assert_array_equal(cloud.intensity, fields['intensity'][1][good])
    np.testing.assert_array_equal(cloud.ring, fields['ring'][1][good])
    assert (cloud.intensity.dtype, cloud.ring.dtype) == (np.float32, np.uint16)
    assert dropped.counts.get(NOT_FINITE, 0) == np.count_nonzero(~good)
    assert bytes(msg.data) == before


@pytest.mark.parametrize('holes', [[], [0, 7]])
def test_the_fast_path_is_the_slow_one(holes: list[int]) -> None:
    """The most common layout, which has code of its own, gives what any other gives."""
    fields = {**xyz(50), 'intensity': ('f4', np.linspace(0, 1, 50, dtype='f4'))}
    fields['y'][1][holes] = np.nan
    fast, lost = cloud_from_message(cloud_message(fields))
    slow, slow_lost = cloud_from_message(cloud_message(fields, gaps=1))
    assert lost == slow_lost
    assert len(fast) == 50 - len(holes)
    for name, values in slow.arrays().items():
        np.testing.assert_array_equal(fast.arrays()[name], values)


@pytest.mark.parametrize('kind', ['bytes', 'array', 'numpy', 'memoryview'])
def test_any_buffer(kind: str) -> None:
    """Take data as rclpy and rosbags hold it, read-only too."""
    msg = cloud_message({**xyz(5), 'intensity': ('f4', np.arange(5))})
    make = {'bytes': bytes, 'array': lambda d: d, 'memoryview': memoryview,
            'numpy': lambda d: np.frombuffer(bytes(d), np.uint8)}
    msg.data = make[kind](msg.data)
    assert len(cloud_from_message(msg)[0]) == 5


@pytest.mark.parametrize('name', ['intensity', 'reflectivity', 'i'])
def test_names_of_intensity(name: str) -> None:
    """Sensors call it differently."""
    cloud, _ = cloud_from_message(cloud_message({**xyz(3), name: ('u2', [7, 8, 9])}))
    np.testing.assert_array_equal(cloud.intensity, [7, 8, 9])


@pytest.mark.parametrize('name', ['ring', 'channel', 'laser_id', 'line'])
def test_names_of_ring(name: str) -> None:
    """Sensors call it differently; without one there is none."""
    cloud, _ = cloud_from_message(cloud_message({**xyz(3), name: ('u1', [1, 2, 3])}))
    np.testing.assert_array_equal(cloud.ring, [1, 2, 3])
    assert cloud_from_message(cloud_message(xyz(3)))[0].ring is None


def test_a_ring_that_is_no_index() -> None:
    """Values that no beam index can have do not wrap around."""
    cloud, _ = cloud_from_message(cloud_message({**xyz(4), 'ring': ('f4', [np.nan, -3, 4, 1e9])}))
    np.testing.assert_array_equal(cloud.ring, [0, 0, 4, 65535])


NOW = STAMP_S + 0.25
TIMES = np.array([-0.05, 0.0, 0.025, 0.05])


@pytest.mark.parametrize(('name', 'kind', 'values'), [
    ('time', 'f4', TIMES), ('t', 'f8', TIMES), ('timestamp', 'f8', TIMES + NOW),
    ('timestamp', 'f8', (TIMES + NOW) * 1e9), ('time_stamp', 'f4', TIMES * 1e9)])
def test_units_of_time(name: str, kind: str, values: Any) -> None:
    """Seconds or nanoseconds, since the stamp or the epoch: relative seconds come out."""
    cloud, lost = cloud_from_message(cloud_message({**xyz(4), name: (kind, values)}))
    np.testing.assert_allclose(cloud.time_s, TIMES, atol=1e-6)
    assert cloud.time_s is not None and cloud.time_s.dtype == np.float32
    assert lost.total == 0


@pytest.mark.parametrize(('kind', 'base'), [('u4', 0), ('f8', NOW)])
def test_times_after_the_stamp(kind: str, base: float) -> None:
    """Unsigned nanoseconds since the start of the sweep, and absolute seconds."""
    after = np.array([0, 10_000_000, 99_999_999])
    values = after if kind == 'u4' else after * 1e-9 + base
    cloud, _ = cloud_from_message(cloud_message({**xyz(3), 'offset_time': (kind, values)}))
    np.testing.assert_allclose(cloud.time_s, after * 1e-9, atol=3e-7)


def test_times_of_another_clock_are_dropped_with_a_reason() -> None:
    """A sensor's own uptime says nothing about the header's clock; the points stay."""
    cloud, lost = cloud_from_message(cloud_message({**xyz(3), 'timestamp': ('f8', [50., 51, 5])}))
    assert cloud.time_s is None and len(cloud) == 3
    assert dict(lost.counts) == {TIME_UNKNOWN: 1}


def test_the_times_of_dropped_points_do_not_count() -> None:
    """A beam without return often has a time of NaN or zero."""
    fields = {**xyz(4), 'timestamp': ('f8', TIMES + NOW)}
    fields['x'][1][2] = np.nan
    fields['timestamp'][1][2] = np.nan
    cloud, _ = cloud_from_message(cloud_message(fields))
    np.testing.assert_allclose(cloud.time_s, TIMES[[0, 1, 3]], atol=1e-6)


def test_ground_truth_labels() -> None:
    """A uint8 label is kept; a label of another type is somebody else's."""
    cloud, _ = cloud_from_message(cloud_message({**xyz(2), 'label': ('u1', [3, 255])}))
    np.testing.assert_array_equal(cloud.label, [3, 255])
    assert cloud_from_message(cloud_message({**xyz(2), 'label': ('u4', [3, 9])}))[0].label is None


def test_nothing_to_see() -> None:
    """An empty cloud and one without any return are clouds of no points."""
    empty, lost = cloud_from_message(cloud_message(xyz(1), width=0, data=b'', row_step=0))
    assert (len(empty), lost.total) == (0, 0)
    blind, lost = cloud_from_message(cloud_message({a: ('f4', [np.nan] * 9) for a in 'xyz'}))
    assert (len(blind), dict(lost.counts)) == (0, {NOT_FINITE: 9})


@pytest.mark.parametrize(('changes', 'said'), [
    ({'point_step': 8}, 'beyond point_step 8'), ({'point_step': 0}, 'point_step 0'),
    ({'data': b'\0' * 47}, 'holds 47 bytes, needs 48'), ({'width': 5}, 'needs 60'),
    ({'height': 2, 'width': 2, 'row_step': 23}, 'row_step 23'),
    ({'fields': []}, r"no field \['x', 'y', 'z'\]"),
    ({'fields': [Message(name=n, offset=0, datatype=7, count=1) for n in 'xyw']}, r"\['z'\]"),
    ({'fields': [Message(name=n, offset=0, datatype=11, count=1) for n in 'xyz']}, 'datatype 11')])
def test_layouts_that_contradict_themselves(changes: dict[str, Any], said: str) -> None:
    """The error names the numbers."""
    with pytest.raises(MessageError, match=said):
        cloud_from_message(cloud_message(xyz(4), **changes))


def camera_message(**changes: Any) -> Message:
    """Make a camera_info."""
    roi = Message(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False)
    values = {'header': header(frame='optical'), 'width': 640, 'height': 480, 'd': [0.1] * 5,
              'k': [500.0, 0, 320, 0, 510, 240, 0, 0, 1], 'distortion_model': 'plumb_bob',
              'binning_x': 0, 'binning_y': 0, 'roi': roi}
    return Message(**{**values, **changes})


def test_a_camera() -> None:
    """Everything of CameraInfo that a pinhole needs."""
    camera = camera_from_message(camera_message())
    assert (camera.frame, camera.width, camera.height, camera.model) == (
        'optical', 640, 480, 'plumb_bob')
    assert camera.intrinsics.tolist() == [[500, 0, 320], [0, 510, 240], [0, 0, 1]]
    assert camera.distortion.tolist() == [0.1] * 5


@pytest.mark.parametrize(('model', 'count', 'expected'), [
    ('', 0, 'plumb_bob'), ('plumb_bob', 8, 'rational_polynomial'), ('fisheye', 4, 'equidistant'),
    ('rational_polynomial', 8, 'rational_polynomial'), ('equidistant', 4, 'equidistant')])
def test_names_of_distortion_models(model: str, count: int, expected: str) -> None:
    """Drivers write other names for the same models."""
    camera = camera_from_message(camera_message(distortion_model=model, d=[0.01] * count))
    assert (camera.model, len(camera.distortion)) == (expected, count)


def test_times_that_were_never_filled_in_say_nothing() -> None:
    """All zero: then the convention of the stamp holds; one alone at zero is a time."""
    for kind in ('f4', 'u4', 'f8'):
        cloud, dropped = cloud_from_message(cloud_message(
            {**xyz(3), 'time': (kind, np.zeros(3, kind))}))
        assert cloud.time_s is None and dropped == Dropped()
    cloud, _ = cloud_from_message(cloud_message({**xyz(2), 'time': ('f4', np.array([0, .1]))}))
    assert cloud.time_s is not None


def test_region_of_interest_and_binning() -> None:
    """The intrinsics belong to the image as published, not to the whole sensor."""
    roi = Message(x_offset=100, y_offset=40, width=400, height=300, do_rectify=False)
    camera = camera_from_message(camera_message(roi=roi, binning_x=2, binning_y=2))
    assert (camera.width, camera.height) == (200, 150)
    assert camera.intrinsics.tolist() == [[250, 0, 110], [0, 255, 100], [0, 0, 1]]


@pytest.mark.parametrize(('changes', 'said'), [
    ({'k': [0.0] * 9}, 'K is all zero'), ({'width': 0}, '0x480'),
    ({'distortion_model': 'odd'}, 'odd'), ({'d': [0.1] * 3}, '3 distortion coefficients'),
    ({'d': [0.1, np.nan, 0, 0, 0]}, 'distortion .*nan.* not finite'),
    ({'k': [500.0, 0, np.inf, 0, 500, 240, 0, 0, 1]}, 'intrinsics .*inf.* not finite'),
    ({'k': [500.0, 0, 320, 0, 500, 240, 0, 0, 0]}, r'last row .*0\.0, 0\.0, 0\.0')])
def test_cameras_that_cannot_be(changes: dict[str, Any], said: str) -> None:
    """The error names the camera and the value."""
    with pytest.raises(MessageError, match=f"'optical'.*{said}"):
        camera_from_message(camera_message(**changes))


def test_a_transform() -> None:
    """A quarter turn to the left and a step forward."""
    half = np.sqrt(0.5)
    msg = Message(header=header(frame='base'), child_frame_id='lidar', transform=Message(
        translation=Message(x=1.0, y=2.0, z=3.0), rotation=Message(x=0.0, y=0.0, z=half, w=half)))
    np.testing.assert_allclose(transform_from_message(msg) @ [1, 0, 0, 1], [1, 3, 3, 1], atol=1e-9)
    msg.transform.rotation = Message(x=0.0, y=0.0, z=0.0, w=0.0)
    with pytest.raises(MessageError, match="'lidar' in 'base'"):
        transform_from_message(msg)


def test_stamps_are_exact() -> None:
    """No digit of a nanosecond is lost."""
    assert stamp_ns(header(1_700_000_000, 123_456_789)) == 1_700_000_000_123_456_789
