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

"""What a recording says too late for its first frames: read ahead."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from dseg_ros.bags.header import MessageError
from dseg_ros.bags.messages import camera_from_message, transform_from_message
from dseg_ros.bags.reader import Bag, BagError
from dseg_ros.geometry import TransformError, TransformTree
from dseg_ros.types import Camera
import numpy as np
from numpy.typing import NDArray


def first_camera(bag: Bag, topic: str) -> Camera | None:
    """Find the first calibration of a topic that can be used; nothing is counted here."""
    with suppress(BagError):  # damage is told by whoever reads the frames
        for record in bag.messages([topic], broken=_pass):
            with suppress(MessageError):
                return camera_from_message(record.message)
    return None


def first_extrinsics(bag: Bag, topics: Sequence[str], camera: str, lidar: str
                     ) -> NDArray[np.float64] | None:
    """
    Find what the first transforms that connect two frames say.

    :param bag: the recording.
    :param topics: those with moving transforms.
    :param camera: destination frame.
    :param lidar: source frame.
    :returns: camera_T_lidar, (4, 4); None if nothing ever connects them.
    """
    tree = TransformTree(history_ns=0)
    with suppress(BagError):
        static = ((t, True) for t in bag.static_transforms())
        moving = ((t, False) for record in bag.messages(topics, broken=_pass)
                  for t in record.message.transforms)
        for transform, is_static in chain(static, moving):
            with suppress(MessageError, TransformError):
                tree.add(transform.header.frame_id, transform.child_frame_id,
                         transform_from_message(transform), 0, is_static)
            with suppress(TransformError):
                return tree.static_lookup(camera, lidar)
    return None


def _pass(error: BagError) -> None:
    """Leave it to whoever reads the frames."""
