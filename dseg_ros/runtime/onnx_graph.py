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
What surrounds the network inside an exported model, as ONNX text.

Choices were measured on one core (960x540 in, network 512x288): linear resize without
antialiasing 2.0 ms (with: 4.6, and 12 at full HD); softmax and argmax channels-last 4.1 ms
(channels-first: 8.9) at half the network's resolution, 12 ms at its full one; nearest repetition
to the image's size by two Gathers (Resize: 1.5 times that at full HD).
"""

from __future__ import annotations

from dseg_ros.runtime.engine import CONFIDENCE, IDS, INPUT

OPSET = 18
IR_VERSION = 8
_HEADER = f'<ir_version: {IR_VERSION}, opset_import: ["" : {OPSET}]>'

_BEFORE = """
%(header)s
before (uint8[H, W, 3] %(image)s) => (float[1, 3, h, w] pixels, int64[2] image_size) {
  zero = Constant<value_ints=[0]>()
  two = Constant<value_ints=[2]>()
  one = Constant<value_ints=[1]>()
  three = Constant<value_ints=[3]>()
  shape = Shape(%(image)s)
  image_size = Slice(shape, zero, two)
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
  batch = Unsqueeze(%(image)s, zero)
  sizes = Concat<axis=0>(one, network_size, three)
  resized = Resize<mode="linear">(batch, , , sizes)
  channels_first = Transpose<perm=[0, 3, 1, 2]>(resized)
  raw = Cast<to=1>(channels_first)
  over_image = Constant<value_ints=[2, 3]>()
  mean = ReduceMean(raw, over_image)
  centred = Sub(raw, mean)
  squared = Mul(centred, centred)
  variance = ReduceMean(squared, over_image)
  deviation = Sqrt(variance)
  least_deviation = Constant<value_float=1.0>()
  divisor = Add(deviation, least_deviation)
  pixels = Div(centred, divisor)
}
"""

_AFTER = """
%(header)s
after (float[1, %(classes)d, lh, lw] logits, int64[2] size) => (uint8[H, W] %(ids)s,
                                                               uint8[H, W] %(confidence)s) {
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
  coarse_ids = Squeeze(ids_batch, zero)
  coarse_confidence = Squeeze(confidence_batch, zero)
  coarse = Shape(coarse_ids)
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
  ids_wide = Gather<axis=1>(coarse_ids, u_coarse)
  confidence_wide = Gather<axis=1>(coarse_confidence, u_coarse)
  %(ids)s = Gather<axis=0>(ids_wide, v_coarse)
  %(confidence)s = Gather<axis=0>(confidence_wide, v_coarse)
}
"""


def before(network_pixels: int, stride: int) -> str:
    """
    Resize to about network_pixels at the image's aspect ratio and normalise per image.

    :param network_pixels: area that the network sees [px].
    :param stride: both sides become multiples of it.
    :returns: an ONNX model as text: image uint8 (H, W, 3) -> pixels float (1, 3, h, w) and
        image_size (2,) int64.
    """
    return _BEFORE % {'header': _HEADER, 'image': INPUT, 'network_pixels': network_pixels,
                      'stride': stride}


def after(classes: int, factor: float) -> str:
    """
    Decide labels and confidence, and repeat them to the image's size.

    :param classes: C.
    :param factor: enlargement of the logits before the decision.
    :returns: an ONNX model as text: logits (1, C, h, w) and size (2,) int64 -> uint8 (H, W)
        twice.
    """
    return _AFTER % {'header': _HEADER, 'ids': IDS, 'confidence': CONFIDENCE,
                     'classes': classes, 'factor': factor}
