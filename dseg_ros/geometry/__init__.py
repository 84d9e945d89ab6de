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

"""SE(3), camera models, occlusion, ego motion: what relates a LiDAR point to a pixel."""

from dseg_ros.geometry.camera_model import (
    CalibrationError, check_size, project, project_xyz, Projection, scaled)
from dseg_ros.geometry.lifting import label_points, see, Seen
from dseg_ros.geometry.motion import deskew, sweep_middle_ns, SWEEP_SHIFT
from dseg_ros.geometry.raster import EMPTY, hidden, Raster, rasterise, visible_raster
from dseg_ros.geometry.rigid import (
    from_quaternion, interpolate, invert, poses_at, to_quaternion, transform)
from dseg_ros.geometry.transform_tree import TransformError, TransformTree
from dseg_ros.geometry.unprojection import unproject

__all__ = [
    'CalibrationError', 'EMPTY', 'Projection', 'Raster', 'SWEEP_SHIFT', 'Seen', 'TransformError',
    'TransformTree', 'check_size', 'deskew', 'from_quaternion', 'hidden', 'interpolate', 'invert',
    'label_points', 'poses_at', 'project', 'project_xyz', 'rasterise', 'scaled', 'see',
    'sweep_middle_ns', 'to_quaternion', 'transform', 'unproject', 'visible_raster',
]
