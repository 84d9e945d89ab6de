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

"""The recorded drive: topics, types, stamps, transforms, and what happens with bad places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
from dseg_ros.config.sim import SimConfig
from dseg_ros.sim.bag import SimError, simulate
from dseg_ros.sim.drive import Drive
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability
from scipy.spatial.transform import Rotation

CONFIG = SimConfig(seconds=0.3, width=160, height=90, seed=5, lidar_columns=200)


def stamp_ns(header: object) -> int:
    """Read a header's stamp."""
    return header.stamp.sec * 10**9 + header.stamp.nanosec


@pytest.fixture(scope='module')
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a tiny drive."""
    return simulate(CONFIG, tmp_path_factory.mktemp('bag') / 'drive')


@pytest.fixture
def reader(path: Path) -> Iterator[AnyReader]:
    """Open it."""
    with AnyReader([path]) as opened:
        yield opened


def messages(reader: AnyReader, topic: str) -> list:
    """Read all messages of a topic."""
    connections = [c for c in reader.connections if c.topic == topic]
    return [reader.deserialize(raw, c.msgtype) for c, _, raw in reader.messages(connections)]


def test_topics(reader: AnyReader) -> None:
    """All topics are there with their types and counts; /tf_static is latched."""
    found = {c.topic: (c.msgtype, c.msgcount) for c in reader.connections}
    assert found.pop('/tf')[1] > 40
    assert found == {
        '/tf_static': ('tf2_msgs/msg/TFMessage', 1),
        '/camera/front/image_raw/compressed': ('sensor_msgs/msg/CompressedImage', 3),
        '/camera/front/camera_info': ('sensor_msgs/msg/CameraInfo', 3),
        '/sim/mask': ('sensor_msgs/msg/Image', 3),
        '/lidar/points': ('sensor_msgs/msg/PointCloud2', 3)}
    latched = {c.topic for c in reader.connections
               if c.ext.offered_qos_profiles[0].durability == QosDurability.TRANSIENT_LOCAL}
    assert latched == {'/tf_static'}


def test_order(reader: AnyReader) -> None:
    """Messages are recorded in order of time, after they were measured."""
    times = [(t, c.topic, raw) for c, t, raw in reader.messages()]
    assert [t for t, _, _ in times] == sorted(t for t, _, _ in times)
    assert times[0][1] == '/tf_static'


def test_image_calibration_and_mask_belong_together(reader: AnyReader) -> None:
    """They share stamp, frame and size."""
    triples = zip(messages(reader, '/camera/front/image_raw/compressed'),
                  messages(reader, '/camera/front/camera_info'), messages(reader, '/sim/mask'))
    for image, info, mask in triples:
        assert stamp_ns(image.header) == stamp_ns(info.header) == stamp_ns(mask.header)
        assert {m.header.frame_id for m in (image, info, mask)} == {'camera_front_optical'}
        assert cv2.imdecode(image.data, cv2.IMREAD_COLOR).shape == (90, 160, 3)
        assert (info.height, info.width) == (mask.height, mask.width) == (90, 160)
        assert mask.encoding == 'mono8' and info.distortion_model == 'plumb_bob'
        assert len(info.d) == 5 and info.k[0] > 0


def test_points_are_what_was_rendered(reader: AnyReader) -> None:
    """Every field of the cloud message holds what the sweep holds."""
    message = messages(reader, '/lidar/points')[1]
    frame = Drive(CONFIG).frame(1)
    kinds = {2: 'u1', 4: '<u2', 7: '<f4'}
    points = np.frombuffer(message.data, np.dtype({
        'names': [f.name for f in message.fields],
        'formats': [kinds[f.datatype] for f in message.fields],
        'offsets': [f.offset for f in message.fields], 'itemsize': message.point_step}))
    assert message.width == len(points) == len(frame.cloud) and message.height == 1
    assert message.row_step == len(message.data) and message.is_dense
    assert np.array_equal(points['x'], frame.cloud.x)
    for name in ('intensity', 'ring', 'label'):
        assert np.array_equal(points[name], getattr(frame.cloud, name)), name
    assert np.array_equal(points['time'], frame.cloud.time_s)
    assert np.array_equal(points['instance'], frame.instance)


def test_transforms(reader: AnyReader) -> None:
    """Odometry covers all measurements, densely; the static tree is complete."""
    static = {(t.header.frame_id, t.child_frame_id)
              for t in messages(reader, '/tf_static')[0].transforms}
    assert static == {('base_link', 'lidar'), ('base_link', 'camera_front_optical')}
    moves = [m.transforms[0] for m in messages(reader, '/tf')]
    stamps = np.array([stamp_ns(t.header) for t in moves])
    measured = [stamp_ns(m.header) for topic in ('/sim/mask', '/lidar/points')
                for m in messages(reader, topic)]
    assert stamps[0] < min(measured) and stamps[-1] > max(measured) + 100_000_000
    assert np.diff(stamps).max() <= 20_000_001
    assert {(t.header.frame_id, t.child_frame_id) for t in moves} == {('odom', 'base_link')}
    drive = Drive(CONFIG)
    last = moves[-1].transform
    pose = drive.odom_T_base((stamps[-1] - CONFIG.start_s * 10**9) / 1e9)
    assert np.allclose([last.translation.x, last.translation.y, last.translation.z], pose[:3, 3],
                       atol=1e-6)
    turned = Rotation.from_quat([last.rotation.x, last.rotation.y, last.rotation.z,
                                 last.rotation.w]).as_matrix()
    assert np.allclose(turned, pose[:3, :3], atol=1e-6)


def test_same_bytes_with_any_number_of_workers(path: Path, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """The bag is a function of its configuration alone."""
    monkeypatch.setattr('dseg_ros.sim.bag.ALONE', 0)
    config = SimConfig(**{**CONFIG.__dict__, 'workers': 2})
    again = simulate(config, tmp_path / 'drive')
    assert (path / 'drive.mcap').read_bytes() == (again / 'drive.mcap').read_bytes()


def test_raw_images(tmp_path: Path) -> None:
    """Raw images come as bgr8 on their own topic."""
    config = SimConfig(seconds=0.1, width=64, height=36, lidar_columns=36, image_format='raw')
    told: list[tuple[int, int]] = []
    path = simulate(config, tmp_path / 'raw', lambda done, total: told.append((done, total)))
    with AnyReader([path]) as reader:
        image, = messages(reader, '/camera/front/image_raw')
    assert image.encoding == 'bgr8' and image.step == 192 and len(image.data) == 64 * 36 * 3
    assert told == [(1, 1)]


def test_nothing_is_overwritten(path: Path) -> None:
    """An existing place is refused and left as it is."""
    before = sorted(p.stat().st_mtime_ns for p in path.iterdir())
    with pytest.raises(SimError, match='exists already'):
        simulate(CONFIG, path)
    assert sorted(p.stat().st_mtime_ns for p in path.iterdir()) == before


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """A drive that breaks off leaves no half-written bag."""
    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        simulate(CONFIG, tmp_path / 'drive', fail)
    assert list(tmp_path.iterdir()) == []
