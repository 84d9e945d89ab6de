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

"""The figures of a demonstration, from what was heard and what is true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dseg_ros.bags.encodings import image_from_message
from dseg_ros.bags.header import stamp_ns
from dseg_ros.bags.reader import open_bag
from dseg_ros.classes import CITYSCAPES_19
from dseg_ros.config.nodes import InputsConfig
from dseg_ros.config.sim import MASK_TOPIC
from dseg_ros.evaluation.metrics import confusion, evaluate
from dseg_ros.nodes.monitor import Watched
import numpy as np

SYNCHRONISATION = 'segmentation: synchronisation'
NO_REASONS = ('pairs', 'without_ego_motion')


def summarise(watched: Watched, bag: Path, inputs: InputsConfig) -> dict[str, Any]:
    """
    Work out the figures.

    :param watched: what was published.
    :param bag: the recording that was played.
    :param inputs: what the nodes read.
    """
    sent = stamps_of(bag, inputs)
    clouds = sent.pop('')
    images = {(name, stamp) for name, stamps in sent.items() for stamp in stamps}
    pairing = watched.diagnostics.get(SYNCHRONISATION, {})
    counts = [len(boxes) for boxes in watched.boxes.values()]
    return {
        'bag': str(bag),
        'frames': len(clouds),
        'frames_with_objects': len(clouds & watched.objects_answered_ns.keys()),
        'images': len(images),
        'masks': len(images & watched.masks_answered_ns.keys()),
        'pairs': int(pairing.get('pairs', 0)),
        'pairs_without_ego_motion': int(pairing.get('without_ego_motion', 0)),
        'dropped': {k: int(v) for k, v in pairing.items() if k not in NO_REASONS},
        'objects_per_frame': {} if not counts else {
            'mean': round(float(np.mean(counts)), 1), 'min': min(counts), 'max': max(counts)},
        'published': dict(sorted(watched.received.items())),
        'latency_ms': {
            'image_to_mask': latency(watched.images_sent_ns, watched.masks_answered_ns),
            'cloud_to_objects': latency(watched.clouds_sent_ns, watched.objects_answered_ns)},
        'classes': list(watched.class_names),
        'accuracy': accuracy(watched, bag),
    }


def stamps_of(bag: Path, inputs: InputsConfig) -> dict[str, set[int]]:
    """Return the stamps of all images by camera, and under '' of all clouds [ns]."""
    topics = {inputs.points: '', **{inputs.image_topic(c): c for c in inputs.cameras}}
    stamps: dict[str, set[int]] = {name: set() for name in topics.values()}
    with open_bag(bag) as recording:
        for record in recording.messages(list(topics)):
            stamps[topics[record.topic]].add(stamp_ns(record.message.header))
    return stamps


def latency(sent_ns: Mapping[Any, int], answered_ns: Mapping[Any, int]) -> dict[str, float]:
    """Sum up how long answers took, from the sensor's publishing to the witness' receiving."""
    values_ms = [(answered_ns[key] - sent_ns[key]) / 1e6 for key in answered_ns if key in sent_ns]
    return percentiles(values_ms) if values_ms else {}


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum."""
    median, p99, highest = np.percentile(list(values), [50, 99, 100])
    return {'median': round(float(median), 2), 'p99': round(float(p99), 2),
            'max': round(float(highest), 2)}


def accuracy(watched: Watched, bag: Path) -> dict[str, Any] | None:
    """
    Compare the published masks with the ground truth of a simulated drive.

    :returns: percentages under each matching of pseudo-classes to classes (strict is the figure
        that counts); None for a recording without ground truth.
    """
    clusters, classes = len(watched.class_names), len(CITYSCAPES_19)
    counts = np.zeros((clusters + 1, classes), np.int64)
    masks = {stamp: mask for (_, stamp), mask in watched.masks.items()}
    with open_bag(bag) as recording:
        if MASK_TOPIC not in recording.topics:
            return None
        for record in recording.messages([MASK_TOPIC]):
            mask = masks.get(stamp_ns(record.message.header))
            if mask is not None:
                truth = image_from_message(record.message).rgb[..., 0]
                counts += confusion(mask, truth, clusters, classes)
    return evaluate(counts).summary([c.name for c in CITYSCAPES_19]) if counts.any() else None
