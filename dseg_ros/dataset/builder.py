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

"""From a matched frame to a sample: what the recorder and the harvest share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dseg_ros.bags.frames import BROKEN_IMAGE
from dseg_ros.bags.header import MessageError, stamp_ns
from dseg_ros.bags.shot import Shot
from dseg_ros.config.dataset import StoreConfig
from dseg_ros.config.lidar import ProposalsConfig
from dseg_ros.dataset.pictures import picture_from_message
from dseg_ros.dataset.sample import RecordedView, Sample
from dseg_ros.geometry import CalibrationError, check_size
from dseg_ros.lidar.proposals import ProposalExtractor
from dseg_ros.types import Cloud, Dropped, Proposals

WRONG_SIZE = 'image size differs from its calibration'
NO_IMAGE = 'no usable image'
EMPTY_CLOUD = 'empty cloud'
NEGATIVE_STAMP = 'stamp before 1970'
NO_PROPOSALS = 'cloud that proposals cannot be found in'
REPEATED = 'cloud with the stamp of another'


@dataclass(frozen=True, eq=False)
class Built:
    """
    What became of a frame.

    :param sample: the sample, None if nothing of the frame can be used.
    :param dropped: what was left out; of a sample, the same that it holds.
    :param problems: the same in words that name the values.
    """

    sample: Sample | None
    dropped: Dropped = field(default_factory=Dropped)
    problems: tuple[str, ...] = ()


class SampleBuilder:
    """
    Make samples: encode images, find proposals. Not thread-safe.

    One bad image costs its view, not the sample; a sample has at least one image.
    """

    def __init__(self, proposals: ProposalsConfig, store: StoreConfig) -> None:
        """
        Prepare.

        :param proposals: how proposals are found.
        :param store: how images are stored.
        """
        self.extractor = ProposalExtractor(proposals)
        self._store = store

    def __call__(self, source: str, cloud: Cloud, shots: Sequence[Shot],
                 proposals: Proposals | None = None) -> Built:
        """
        Make a sample of one frame.

        :param source: the drive's name.
        :param cloud: the sweep.
        :param shots: the images that belong to it.
        :param proposals: the proposals of this cloud if they are known already.
        """
        if not len(cloud):
            return Built(None, Dropped({EMPTY_CLOUD: 1}))
        if cloud.stamp_ns < 0:  # cannot be part of a key
            return Built(None, Dropped({NEGATIVE_STAMP: 1}),
                         (f'cloud {cloud.frame!r}: its stamp is {cloud.stamp_ns} ns',))
        views, dropped, problems = [], Dropped(), []
        for shot in shots:
            try:
                views.append(self._view(shot))
            except (MessageError, CalibrationError) as error:
                wrong_size = isinstance(error, CalibrationError)
                dropped += Dropped({WRONG_SIZE if wrong_size else BROKEN_IMAGE: 1})
                problems.append(f'{shot.name} at {stamp_ns(shot.message.header)} ns: {error}')
        if not views:
            return Built(None, dropped + Dropped({NO_IMAGE: 1}), tuple(problems))
        try:
            found = self.extractor(cloud) if proposals is None else proposals
        except ValueError as error:
            return Built(None, dropped + Dropped({NO_PROPOSALS: 1}), (*problems, str(error)))
        return Built(Sample(source, cloud, found, tuple(views), dropped, tuple(problems)),
                     dropped, tuple(problems))

    def _view(self, shot: Shot) -> RecordedView:
        picture = picture_from_message(shot.message, self._store)
        check_size(shot.camera, picture.width, picture.height, shot.name)
        return RecordedView(shot.name, picture.data, picture.suffix,
                            stamp_ns(shot.message.header), shot.camera, shot.camera_T_lidar,
                            shot.ego_motion_known)
