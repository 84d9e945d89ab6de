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
What surrounds the network inside an exported model, as ONNX text; all of it in float32.

Choices were measured on one core (960x540 in, network 512x288): linear resize without
antialiasing 2.0 ms (with: 4.6, and 12 at full HD); softmax and argmax channels-last 4.1 ms
(channels-first: 8.9) at half the network's resolution, 12 ms at its full one; nearest repetition
to the image's size by two Gathers (Resize: 1.5 times that at full HD).
"""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.models.normalisation import IMAGENET_DEVIATION, IMAGENET_MEAN
from dseg_ros.runtime.engine import CONFIDENCE, IDS, INPUT
import numpy as np
from onnx import helper

_BEFORE = """
%(header)s
before (uint8[%(N)s%(H)s, %(W)s, 3] %(image)s) => (
    float[%(count)s, 3, h, w] pixels, int64[2] image_size) {
  zero = Constant<value_ints=[0]>()
  one = Constant<value_ints=[1]>()
  %(sizes)s
  %(batch)s
  resized = Resize<mode="linear">(batch, , , sizes)
  channels_first = Transpose<perm=[0, 3, 1, 2]>(resized)
  raw = Cast<to=1>(channels_first)
  %(normalise)s
}
"""

_ANY_SIZE = """
  two = Constant<value_ints=[2]>()
  three = Constant<value_ints=[3]>()
  image_shape = Shape(%(image)s)
  image_size = Slice(image_shape, %(sides)s)
  size = Cast<to=1>(image_size)
  area = ReduceProd<keepdims=1>(size)
  network_area = Constant<value_float=%(network_pixels)d.0>()
  area_ratio = Div(network_area, area)
  scale = Sqrt(area_ratio)
  scaled = Mul(size, scale)
  stride = Constant<value_float=%(stride)d.0>()
  in_strides = Div(scaled, stride)
  rounded = Round(in_strides)
  at_least_one = Constant<value_float=1.0>()
  whole = Max(rounded, at_least_one)
  network_size_f = Mul(whole, stride)
  network_size = Cast<to=7>(network_size_f)
  %(many)s
  sizes = Concat<axis=0>(%(first)s, network_size, three)
"""

_ONE_SIZE = """
  image_size = Constant<value_ints=[%(H)s, %(W)s]>()
  rest = Constant<value_ints=[%(h)d, %(w)d, 3]>()
  %(many)s
  sizes = Concat<axis=0>(%(first)s, rest)
"""

_PER_IMAGE = """
  over_image = Constant<value_ints=[2, 3]>()
  mean = ReduceMean(raw, over_image)
  centred = Sub(raw, mean)
  squared = Mul(centred, centred)
  variance = ReduceMean(squared, over_image)
  deviation = Sqrt(variance)
  least_deviation = Constant<value_float=1.0>()
  divisor = Add(deviation, least_deviation)
  pixels = Div(centred, divisor)
"""

_IMAGENET = """
  mean_flat = Constant<value_floats=[%(mean)s]>()
  factor_flat = Constant<value_floats=[%(factor)s]>()
  along_channels = Constant<value_ints=[1, 3, 1, 1]>()
  mean = Reshape(mean_flat, along_channels)
  factor = Reshape(factor_flat, along_channels)
  centred = Sub(raw, mean)
  pixels = Mul(centred, factor)
"""

_AFTER = """
%(header)s
after (float[%(count)s, %(classes)d, lh, lw] logits, int64[2] size) => (
    uint8[%(N)s%(H)s, %(W)s] %(ids)s, uint8[%(N)s%(H)s, %(W)s] %(confidence)s) {
  factor = Constant<value_floats=[1.0, 1.0, %(factor)f, %(factor)f]>()
  fine = Resize<mode="linear">(logits, , factor)
  channels_last = Transpose<perm=[0, 2, 3, 1]>(fine)
  probability = Softmax<axis=-1>(channels_last)
  last = Constant<value_ints=[-1]>()
  largest = ReduceMax<keepdims=0>(probability, last)
  full = Constant<value_float=255.0>()
  scaled = Mul(largest, full)
  rounded = Round(scaled)
  confidence_batch = Cast<to=2>(rounded)
  best = ArgMax<axis=-1, keepdims=0>(probability)
  ids_batch = Cast<to=2>(best)
  zero = Constant<value_ints=[0]>()
  %(coarse)s
  coarse = Shape<start=-2>(coarse_ids)
  first = Constant<value_int=0>()
  step = Constant<value_int=1>()
  second = Constant<value_int=1>()
  two = Constant<value_int=2>()
  rows = Gather(size, first)
  columns = Gather(size, second)
  coarse_rows = Gather(coarse, first)
  coarse_columns = Gather(coarse, second)
  v = Range(first, rows, step)
  v2 = Mul(v, two)
  v_centre = Add(v2, step)
  v_times = Mul(v_centre, coarse_rows)
  rows2 = Mul(rows, two)
  v_coarse = Div(v_times, rows2)
  u = Range(first, columns, step)
  u2 = Mul(u, two)
  u_centre = Add(u2, step)
  u_times = Mul(u_centre, coarse_columns)
  columns2 = Mul(columns, two)
  u_coarse = Div(u_times, columns2)
  ids_wide = Gather<axis=-1>(coarse_ids, u_coarse)
  confidence_wide = Gather<axis=-1>(coarse_confidence, u_coarse)
  %(ids)s = Gather<axis=-2>(ids_wide, v_coarse)
  %(confidence)s = Gather<axis=-2>(confidence_wide, v_coarse)
}
"""

_SINGLE = {'N': '', 'count': '1', 'sides': 'zero, two', 'many': '', 'first': 'one',
           'batch': f'batch = Unsqueeze({INPUT}, zero)',
           'coarse': """coarse_ids = Squeeze(ids_batch, zero)
  coarse_confidence = Squeeze(confidence_batch, zero)"""}
_BATCHED = {'N': 'N, ', 'count': 'N', 'sides': 'one, three',
            'many': f'shape = Shape({INPUT}) count = Slice(shape, zero, one)', 'first': 'count',
            'batch': f'batch = Identity({INPUT})',
            'coarse': """coarse_ids = Identity(ids_batch)
  coarse_confidence = Identity(confidence_batch)"""}
"""What differs between a model that takes one image and one that takes any number."""


@dataclass(frozen=True)
class Surroundings:
    """
    What of a model is not its network.

    :param opset: version of the operators.
    :param normalisation: 'per_image' or 'imagenet'.
    :param network_pixels: area that the network sees [px].
    :param stride: both sides that the network sees become multiples of it [px].
    :param height: image height that is taken [px]; 0 = any.
    :param width: image width that is taken [px]; 0 = any.
    :param batched: any number of images are taken at once.
    """

    opset: int
    normalisation: str
    network_pixels: int
    stride: int
    height: int = 0
    width: int = 0
    batched: bool = False

    @property
    def ir_version(self) -> int:
        """Return the oldest file format that holds these operators."""
        return int(helper.find_min_ir_version_for([helper.make_opsetid('', self.opset)]))

    @property
    def network_size(self) -> tuple[int, int] | None:
        """Return (h, w) that the network sees [px], None where it depends on the image."""
        if not self.height:
            return None
        return network_size(self.height, self.width, self.network_pixels, self.stride)

    def before(self) -> str:
        """
        Resize to about network_pixels at the image's aspect ratio and normalise.

        :returns: an ONNX model as text: image uint8 (H, W, 3) -> pixels float (1, 3, h, w) and
            image_size (2,) int64; with N before or instead of the 1 where it is batched.
        """
        common = {**self._common(), 'image': INPUT}
        fixed = self.network_size
        if fixed is None:
            sizes = _ANY_SIZE % {**common, 'network_pixels': self.network_pixels,
                                 'stride': self.stride}
        else:
            sizes = _ONE_SIZE % {**common, 'h': fixed[0], 'w': fixed[1]}
        return _BEFORE % {**common, 'sizes': sizes, 'normalise': _NORMALISE[self.normalisation]}

    def after(self, classes: int, factor: float) -> str:
        """
        Decide labels and confidence, and repeat them to the image's size.

        :param classes: C.
        :param factor: enlargement of the logits before the decision.
        :returns: an ONNX model as text: logits (1, C, h, w) and size (2,) int64 -> uint8 (H, W)
            twice.
        """
        return _AFTER % {**self._common(), 'ids': IDS, 'confidence': CONFIDENCE,
                         'classes': classes, 'factor': factor}

    def _common(self) -> dict[str, str]:
        header = f'<ir_version: {self.ir_version}, opset_import: ["" : {self.opset}]>'
        return {'header': header, 'H': str(self.height or 'H'), 'W': str(self.width or 'W'),
                **(_BATCHED if self.batched else _SINGLE)}


_NORMALISE = {'per_image': _PER_IMAGE, 'imagenet': _IMAGENET % {
    'mean': ', '.join(f'{255 * m:.9f}' for m in IMAGENET_MEAN),
    'factor': ', '.join(f'{1 / (255 * d):.9f}' for d in IMAGENET_DEVIATION)}}
"""By the name that a network carries as `normalisation`; models/normalisation.py in a graph."""


def network_size(height: int, width: int, network_pixels: int, stride: int) -> tuple[int, int]:
    """
    Compute the size that a network sees of an image, step by step as the graph does.

    :returns: (h, w) [px].
    """
    size = np.array([height, width], np.float32)
    scaled = size * np.sqrt(np.float32(network_pixels) / size.prod())
    h, w = np.maximum(np.round(scaled / np.float32(stride)), 1).astype(int) * stride
    return int(h), int(w)
