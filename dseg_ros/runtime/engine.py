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

"""The one interface behind which every inference library stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import json
from typing import Any, Protocol

from dseg_ros.types import LabelMap
import numpy as np
from numpy.typing import NDArray

MODEL_FORMAT = '1'
"""Version of the agreement between export and engines: names and types of input, outputs and
metadata. Another version is refused."""

INPUT, IDS, CONFIDENCE = 'image', 'ids', 'confidence'
"""Names in the model: image (H, W, 3) uint8 RGB in; ids and confidence (H, W) uint8 out. A batched
model has an axis N before these."""

COMMON_SIZE = (360, 640)
"""Height, width [px] of a first image where a model does not care."""


class EngineError(RuntimeError):
    """A model that cannot be run; the message names the file and what is wrong with it."""


class ImageRefused(EngineError):
    """An image that the model or its engine does not take; the next may be fine."""


@dataclass(frozen=True, eq=False)
class ModelInfo:
    """
    What a model says about itself; travels inside the model file.

    :param class_names: name per class id.
    :param palette: (C, 3) uint8 RGB per class id, for people to look at.
    :param input_height: image height that the model insists on [px]; 0 = any.
    :param input_width: image width that the model insists on [px]; 0 = any.
    :param network_pixels: pixels of the image that the network itself sees.
    :param version: version of the package that exported it, with the git revision if known.
    :param data_sha256: hash of what it was trained on.
    :param recipe: resolved training configuration as JSON.
    :param network: kind of the network ('tiny'); '' in models of before it was written down.
    :param precision: 'fp32', 'fp16', 'bf16' or 'int8', what the network computes in.
    :param batched: it takes any number of images of one size, (N, H, W, 3).
    """

    class_names: tuple[str, ...]
    palette: NDArray[np.uint8]
    input_height: int = 0
    input_width: int = 0
    network_pixels: int = 0
    version: str = ''
    data_sha256: str = ''
    recipe: str = '{}'
    network: str = ''
    precision: str = 'fp32'
    batched: bool = False

    def __post_init__(self) -> None:
        """Reject names and colours that do not belong together."""
        if not 1 <= len(self.class_names) <= 255:
            raise ValueError(f'{len(self.class_names)} classes; masks hold 1 to 255')
        if self.palette.shape != (len(self.class_names), 3):
            raise ValueError(f'palette is {self.palette.shape} for '
                             f'{len(self.class_names)} classes')

    def to_metadata(self) -> dict[str, str]:
        """Write as the key-value strings that ONNX carries."""
        return {
            'dseg.format': MODEL_FORMAT,
            'dseg.class_names': json.dumps(self.class_names),
            'dseg.palette': json.dumps(self.palette.tolist()),
            'dseg.input_size': json.dumps([self.input_height, self.input_width]),
            'dseg.network_pixels': str(self.network_pixels),
            'dseg.version': self.version,
            'dseg.data_sha256': self.data_sha256,
            'dseg.recipe': self.recipe,
            'dseg.network': self.network,
            'dseg.precision': self.precision,
            'dseg.batched': str(int(self.batched)),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], where: str) -> ModelInfo:
        """
        Read what `to_metadata` wrote.

        :param metadata: the model's key-value strings.
        :param where: the model's file, for the error.
        :raises EngineError: if something is missing or of another format.
        """
        given = metadata.get('dseg.format')
        if given != MODEL_FORMAT:
            raise EngineError(f'{where}: not a model of this package: its metadata says '
                              f'dseg.format={given!r}, expected {MODEL_FORMAT!r}')
        try:
            height, width = json.loads(metadata['dseg.input_size'])
            return cls(
                class_names=tuple(str(n) for n in json.loads(metadata['dseg.class_names'])),
                palette=_palette(json.loads(metadata['dseg.palette'])),
                input_height=int(height), input_width=int(width),
                network_pixels=int(metadata['dseg.network_pixels']),
                version=metadata['dseg.version'],
                data_sha256=metadata['dseg.data_sha256'], recipe=metadata['dseg.recipe'],
                batched=bool(int(metadata.get('dseg.batched', '0'))),
                **{name: metadata[f'dseg.{name}'] for name in ('network', 'precision')
                   if f'dseg.{name}' in metadata})   # the first models of this format lack them
        except KeyError as error:
            raise EngineError(f'{where}: metadata {error} is missing') from error
        except (ValueError, TypeError, OverflowError) as error:
            raise EngineError(f'{where}: damaged metadata: {error}') from error


def _palette(rows: Any) -> NDArray[np.uint8]:
    colours = np.asarray(rows, np.int64)
    if colours.size and not 0 <= colours.min() <= colours.max() <= 255:
        raise ValueError(f'palette holds {colours.max()}')
    return colours.astype(np.uint8)


class Engine(Protocol):
    """A loaded model. Not thread-safe: one engine per thread, or one call at a time."""

    @property
    def info(self) -> ModelInfo:
        """Tell what the model says about itself."""

    @property
    def runs_on(self) -> str:
        """Name library, version and device in a line."""

    @property
    def typical_size(self) -> tuple[int, int]:
        """Return height and width of an image that it takes, its best one if there is one [px]."""

    def infer(self, rgb: NDArray[np.uint8]) -> LabelMap:
        """
        Segment an image.

        :param rgb: (H, W, 3) uint8; need not be contiguous.
        :returns: labels and confidence at the image's size, the caller's to keep.
        :raises ImageRefused: if the model does not take such an image.
        :raises EngineError: if running it fails.
        """

    def infer_many(self, images: Sequence[NDArray[np.uint8]]) -> list[LabelMap]:
        """
        Segment images of several cameras, together where model and library can.

        :param images: as for `infer`, of any sizes.
        :returns: as `infer` for each, in their order.
        """

    def close(self) -> None:
        """Free what it holds; nothing can be run any more. An engine that is dropped does so."""


def check_image(rgb: NDArray[np.uint8], info: ModelInfo) -> None:
    """Raise ImageRefused unless a model with this info takes the image."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ImageRefused(f'image is {rgb.shape} {rgb.dtype}, not (H, W, 3) uint8')
    wanted = (info.input_height, info.input_width)
    if wanted != (0, 0) and rgb.shape[:2] != wanted:
        raise ImageRefused(f'image is {rgb.shape[1]}x{rgb.shape[0]} px, the model takes '
                           f'{wanted[1]}x{wanted[0]} px only')


def groups_of_a_size(images: Sequence[NDArray[np.uint8]], most: int) -> Iterator[list[int]]:
    """Yield the numbers of images that can be one batch: of one size, at most so many."""
    by_size: dict[tuple[int, ...], list[int]] = {}
    for number, rgb in enumerate(images):
        by_size.setdefault(rgb.shape, []).append(number)
    for numbers in by_size.values():
        for first in range(0, len(numbers), most):
            yield numbers[first:first + most]
