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

"""Benchmarks with pixel-wise ground truth: where their files lie and what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from dseg_ros.evaluation.label_sets import (
    CAMVID_COLOURS, CAMVID_IDS, IDS_AS_19, IDS_AS_27, LabelSet, TRAIN_IDS)


@dataclass(frozen=True)
class Layout:
    """
    Where a benchmark keeps its files, relative to its root folder.

    An image `images/SUB/NAME + image_suffix` has its ground truth at
    `truths/SUB/NAME + truth_suffix`, with SUB any folders between.

    :param images: folder of the images.
    :param image_suffix: end of their names.
    :param truths: folder of the ground truth.
    :param truth_suffix: end of their names.
    :param labels: what pixels of the ground truth mean.
    :param split: what of the benchmark this is, for the protocol.
    :param archive: folder that the benchmark's archive unpacks into, if any; its parent is taken
        for the root, too.
    """

    images: str
    image_suffix: str
    truths: str
    truth_suffix: str
    labels: LabelSet
    split: str
    archive: str = ''


def _cityscapes(labels: LabelSet) -> Layout:
    return Layout('leftImg8bit/val', '_leftImg8bit.png', 'gtFine/val', '_gtFine_labelIds.png',
                  labels, 'val, fine annotations')


def _acdc(condition: str) -> Layout:
    return Layout(f'rgb_anon/{condition}/val', '_rgb_anon.png', f'gt/{condition}/val',
                  '_gt_labelTrainIds.png', TRAIN_IDS, f'val, {condition}')


BENCHMARKS: dict[str, Layout] = {
    'cityscapes19': _cityscapes(IDS_AS_19),
    'cityscapes27': _cityscapes(IDS_AS_27),
    'dark_zurich': Layout('rgb_anon/val/night', '_rgb_anon.png', 'gt/val/night',
                          '_gt_labelTrainIds.png', TRAIN_IDS, 'val, night'),
    'nighttime_driving': Layout(
        'leftImg8bit/test/night', '_leftImg8bit.png',
        'gtCoarse_daytime_trainvaltest/test/night', '_gtCoarse_labelTrainIds.png', TRAIN_IDS,
        'test, night, coarse annotations', 'NighttimeDrivingTest'),
    **{f'acdc_{condition}': _acdc(condition) for condition in ('night', 'fog', 'rain', 'snow')},
    'camvid': Layout('701_StillsRaw_full', '.png', 'LabeledApproved_full', '_L.png',
                     CAMVID_COLOURS, 'all labelled stills, as published'),
    'camvid_segnet': Layout('test', '.png', 'testannot', '.png', CAMVID_IDS,
                            'test, SegNet edition', 'CamVid'),
    'kitti_semantics': Layout('training/image_2', '.png', 'training/semantic', '.png', IDS_AS_19,
                              'training (the part with public ground truth)', 'data_semantics'),
}
"""By the name that users give."""
