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

"""Images of every encoding become RGB; the same pixels with cv_bridge and without it."""

from __future__ import annotations

from collections.abc import Iterator
import sys
from types import SimpleNamespace as Message
from typing import Any

import cv2
from dseg_ros.bags import encodings, jpeg
from dseg_ros.bags.encodings import ALIASES, image_from_message, LAYOUTS
from dseg_ros.bags.messages import MessageError
from hypothesis import given, settings, strategies as st
import numpy as np
from numpy.typing import NDArray
import pytest

HEIGHT, WIDTH = 12, 16
EVERY = [*LAYOUTS, *ALIASES]


def raw(encoding: str, data: NDArray[Any], /, *, pad: int = 0, big: bool = False,
        **changes: Any) -> Message:
    """Make an image message of (rows, W[, C]) values."""
    stored = data.astype(data.dtype.newbyteorder('>' if big else '<'))
    rows = stored.reshape(len(data), -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, pad)), constant_values=0xaa)
    values = {'header': Message(stamp=Message(sec=3, nanosec=5), frame_id='optical'),
              'height': HEIGHT, 'width': WIDTH, 'encoding': encoding, 'step': rows.shape[1],
              'is_bigendian': int(big), 'data': rows.reshape(-1)}
    return Message(**{**values, **changes})


def noise(encoding: str) -> NDArray[Any]:
    """Make random values of an encoding's rows."""
    kind, channels = LAYOUTS[ALIASES.get(encoding, encoding)]
    rows = {'nv24': 3 * HEIGHT, 'nv12': HEIGHT * 3 // 2, 'nv21': HEIGHT * 3 // 2}
    shape = (rows.get(encoding, HEIGHT), WIDTH, channels)
    rng = np.random.default_rng(4)
    if kind[0] == 'f':
        return rng.random(shape).astype(kind)
    return rng.integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)


@pytest.fixture()
def no_cv_bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a machine without ROS."""
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    encodings._cv_bridge.cache_clear()
    yield
    encodings._cv_bridge.cache_clear()


def painted(encoding: str) -> NDArray[Any]:
    """Return one flat orange, RGB (255, 128, 0), in an encoding, written down by hand."""
    base = encoding.rstrip('0123456789') if encoding[-1].isdigit() else encoding
    full = 65535 if encoding.endswith('16') or encoding.startswith('16') else 255
    r, g, b = full, round(full * 128 / 255), 0
    flat = {'rgb': (r, g, b), 'bgr': (b, g, r), 'rgba': (r, g, b, full), 'bgra': (b, g, r, full)}
    kind, channels = LAYOUTS[ALIASES.get(encoding, encoding)]
    out = np.zeros((HEIGHT, WIDTH, channels), kind)
    if base in flat:
        out[:] = flat[base]
    else:  # bayer: the pattern's letters are the upper left 2 x 2 pixels
        pattern = encoding[6:10]
        for i, letter in enumerate(pattern):
            out[i // 2::2, i % 2::2, 0] = {'r': r, 'g': g, 'b': b}[letter]
    return out


@pytest.mark.parametrize('encoding', [
    'rgb8', 'bgr8', 'rgba8', 'bgra8', 'rgb16', 'bgr16', 'rgba16', 'bgra16',
    *(f'bayer_{p}{n}' for p in ('rggb', 'bggr', 'gbrg', 'grbg') for n in (8, 16))])
def test_colours_are_the_right_way_round(encoding: str) -> None:
    """Orange stays orange: channel orders, Bayer patterns, 16 bits."""
    rgb = image_from_message(raw(encoding, painted(encoding))).rgb
    assert rgb.dtype == np.uint8
    inner = rgb[2:-2, 2:-2].reshape(-1, 3).astype(int)
    np.testing.assert_allclose(inner, np.tile([255, 128, 0], (len(inner), 1)), atol=1)


@pytest.mark.parametrize('encoding', ['yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv', 'nv12', 'nv21',
                                      'nv24'])
def test_yuv(encoding: str) -> None:
    """BT.601 studio range, as OpenCV and cv_bridge take it: orange is Y 146, U 53, V 193."""
    y, u, v = 146, 53, 193
    if encoding in ('yuv422', 'uyvy'):
        data = np.tile(np.array([u, y, v, y], np.uint8), (HEIGHT, WIDTH // 2))
    elif encoding in ('yuv422_yuy2', 'yuyv'):
        data = np.tile(np.array([y, u, y, v], np.uint8), (HEIGHT, WIDTH // 2))
    else:
        chroma = np.array([v, u] if encoding == 'nv21' else [u, v], np.uint8)
        rows = 2 * HEIGHT if encoding == 'nv24' else HEIGHT // 2
        data = np.vstack([np.full((HEIGHT, WIDTH), y, np.uint8),
                          np.tile(chroma, (rows, WIDTH // 2))])
    step = {'step': WIDTH} if encoding.startswith('nv') else {}
    rgb = image_from_message(raw(encoding, data, **step)).rgb
    assert rgb.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_allclose(rgb.reshape(-1, 3).astype(int),
                               np.tile([255, 128, 0], (HEIGHT * WIDTH, 1)), atol=3)


def test_nv21_with_the_height_of_both_planes() -> None:
    """Some drivers write the rows of the buffer as the height; the picture is the same."""
    data = noise('nv21')
    proper = image_from_message(raw('nv21', data)).rgb
    np.testing.assert_array_equal(
        image_from_message(raw('nv21', data, height=HEIGHT * 3 // 2)).rgb, proper)


@pytest.mark.parametrize('encoding', EVERY)
def test_same_pixels_without_ros(encoding: str, request: pytest.FixtureRequest) -> None:
    """A converter that is missing changes no pixel."""
    pytest.importorskip('cv_bridge')
    message = raw(encoding, noise(encoding))
    encodings._cv_bridge.cache_clear()
    assert encodings._cv_bridge() is not None
    with_ros = image_from_message(message).rgb
    request.getfixturevalue('no_cv_bridge')
    assert encodings._cv_bridge() is None
    np.testing.assert_array_equal(image_from_message(message).rgb, with_ros)


@pytest.mark.parametrize('encoding', EVERY)
@settings(max_examples=8, deadline=None)
@given(pad=st.integers(0, 9), big=st.booleans(), as_bytes=st.booleans())
def test_padding_and_byte_order_change_nothing(encoding: str, pad: int, big: bool,
                                               as_bytes: bool) -> None:
    """Every encoding, with rows longer than the picture and either byte order."""
    data = noise(encoding)
    expected = image_from_message(raw(encoding, data)).rgb
    message = raw(encoding, data, pad=pad, big=big)
    if as_bytes:
        message.data = bytes(message.data)
    np.testing.assert_array_equal(image_from_message(message).rgb, expected)
    assert expected.shape == (HEIGHT, WIDTH, 3)


def test_the_fast_paths_against_the_obvious() -> None:
    """A rgb8 image is a view of the message; bgr8 is turned, mono8 repeated."""
    data = noise('rgb8')
    message = raw('rgb8', data, pad=5)
    assert np.shares_memory(image_from_message(message).rgb, message.data)
    np.testing.assert_array_equal(image_from_message(message).rgb, data)
    np.testing.assert_array_equal(image_from_message(raw('bgr8', data)).rgb, data[..., ::-1])
    grey = noise('mono8')
    np.testing.assert_array_equal(image_from_message(raw('mono8', grey)).rgb,
                                  grey.repeat(3, axis=2))


@pytest.mark.parametrize(('encoding', 'value', 'grey'), [
    ('mono16', 0, 0), ('mono16', 32768, 128), ('16UC1', 65535, 255), ('32FC1', 0.5, 128),
    ('32FC1', 7.0, 255), ('32FC1', -1.0, 0), ('32FC1', np.nan, 0), ('64FC1', np.inf, 255)])
def test_more_than_eight_bits(encoding: str, value: float, grey: int) -> None:
    """The scale is fixed: 16 bits span 0..65535, floats 0..1, NaN is black."""
    data = np.full((HEIGHT, WIDTH, 1), value, LAYOUTS[ALIASES.get(encoding, encoding)][0])
    assert np.unique(image_from_message(raw(encoding, data)).rgb).tolist() == [grey]


def test_header_is_kept() -> None:
    """Stamp and frame come along."""
    image = image_from_message(raw('mono8', noise('mono8')))
    assert (image.stamp_ns, image.frame) == (3_000_000_005, 'optical')


@pytest.mark.parametrize(('changes', 'said'), [
    ({'width': 0}, '0x12.*no pixels'), ({'height': 0}, '16x0.*no pixels'),
    ({'step': 47}, 'step 47: a row needs 48'), ({'data': b'\0' * 575}, 'holds 575.*needs 576'),
    ({'encoding': 'jpeg9000'}, "'jpeg9000' is not supported"), ({'encoding': '8UC2'}, "'8UC2'")])
def test_images_that_cannot_be(changes: dict[str, Any], said: str) -> None:
    """The error names the frame and the numbers."""
    with pytest.raises(MessageError, match=f"'optical'.*{said}"):
        image_from_message(raw('bgr8', noise('bgr8'), **changes))


@pytest.mark.parametrize('encoding', ['yuv422', 'yuyv', 'nv12', 'nv21'])
def test_colours_shared_by_pixels_need_an_even_size(encoding: str) -> None:
    """An odd one is an error that names the encoding and the size, not one of OpenCV's."""
    data = np.zeros((5, 3, LAYOUTS[ALIASES.get(encoding, encoding)][1]), np.uint8)
    message = raw(encoding, data, height=5, width=3, data=bytes(100))
    with pytest.raises(MessageError, match=f"'optical' 3x5 {encoding}"):
        image_from_message(message)


def compressed(data: bytes, kind: str = 'jpeg') -> Message:
    """Make a compressed image message."""
    return Message(header=Message(stamp=Message(sec=3, nanosec=5), frame_id='optical'),
                   format=kind, data=np.frombuffer(data, np.uint8))


def encoded(suffix: str, picture: NDArray[Any]) -> bytes:
    """Compress what OpenCV takes for BGR."""
    return bytes(cv2.imencode(suffix, picture)[1])


def smooth() -> NDArray[np.uint8]:
    """Make a picture that JPEG does not mind, in BGR."""
    small = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (80, 60), interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize('with_simplejpeg', [True, False])
def test_jpeg(with_simplejpeg: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both decoders give the same pixels, and those of the picture."""
    if not with_simplejpeg:
        monkeypatch.setattr(jpeg, 'simplejpeg', None)
    data = encoded('.jpg', smooth())
    rgb = image_from_message(compressed(data, 'bgr8; jpeg compressed bgr8')).rgb
    np.testing.assert_array_equal(rgb, cv2.imdecode(np.frombuffer(data, np.uint8), 1)[..., ::-1])
    assert np.abs(rgb[..., ::-1].astype(int) - smooth()).mean() < 3
    grey = encoded('.jpg', smooth()[..., 0])
    assert image_from_message(compressed(grey)).rgb.shape == (60, 80, 3)


@pytest.mark.parametrize('with_simplejpeg', [True, False])
def test_a_truncated_jpeg(with_simplejpeg: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused wherever it was cut, never filled with grey."""
    if not with_simplejpeg:
        monkeypatch.setattr(jpeg, 'simplejpeg', None)
    data = encoded('.jpg', smooth())
    for size in (3, 20, len(data) // 2, len(data) - 3, len(data) - 1):
        with pytest.raises(MessageError, match=f"'optical'.*{size} bytes.*truncated"):
            image_from_message(compressed(data[:size]))
    assert image_from_message(compressed(data + b'\0' * 100)).rgb.shape == (60, 80, 3)


def test_a_truncated_jpeg_with_a_thumbnail() -> None:
    """The thumbnail's end is not the picture's."""
    small, data = encoded('.jpg', smooth()[:8, :8]), encoded('.jpg', smooth())
    exif = b'\xff\xe1' + (len(small) + 2).to_bytes(2, 'big') + small
    whole = data[:2] + exif + data[2:]
    assert image_from_message(compressed(whole)).rgb.shape == (60, 80, 3)
    with pytest.raises(MessageError, match='truncated'):
        image_from_message(compressed(whole[:-9]))


def test_png() -> None:
    """Lossless, 8 and 16 bits, with alpha and without colour."""
    picture = smooth()
    rgb = image_from_message(compressed(encoded('.png', picture), 'png')).rgb
    np.testing.assert_array_equal(rgb, picture[..., ::-1])
    deep = encoded('.png', picture.astype(np.uint16) * 257)
    np.testing.assert_array_equal(image_from_message(compressed(deep, '16UC3; png')).rgb, rgb)
    alpha = encoded('.png', np.dstack([picture, picture[..., 0]]))
    np.testing.assert_array_equal(image_from_message(compressed(alpha, 'png')).rgb, rgb)
    grey = image_from_message(compressed(encoded('.png', picture[..., 0]), 'mono8; png')).rgb
    np.testing.assert_array_equal(grey[..., 2], picture[..., 0])


def test_a_mosaic_in_a_png() -> None:
    """A raw Bayer image compressed as it is comes out in colour."""
    mosaic = painted('bayer_rggb8')[..., 0]
    message = compressed(encoded('.png', mosaic), 'bayer_rggb8; png compressed')
    rgb = image_from_message(message).rgb
    np.testing.assert_array_equal(rgb[5, 5], [255, 128, 0])


@pytest.mark.parametrize('data', [b'', b'abc', b'\x89PNG\r\n\x1a\n' + b'\0' * 50,
                                  b'\xff\xd8\xff\xd9' * 3])
def test_what_is_no_picture(data: bytes) -> None:
    """The error names frame, format and size."""
    with pytest.raises(MessageError, match=f"'optical', format 'jpeg', {len(data)} bytes"):
        image_from_message(compressed(data))
