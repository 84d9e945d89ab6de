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

"""Pictures of what was published, for people: overlay, clusters, boxes, bird's eye view."""

from __future__ import annotations

from pathlib import Path

import cv2
from dseg_ros.bags.discovery import DriveTopics
from dseg_ros.bags.frames import frames
from dseg_ros.bags.reader import open_bag
from dseg_ros.classes import distinct_palette
from dseg_ros.config.nodes import SegmentationNodeConfig
from dseg_ros.geometry import project
from dseg_ros.nodes.monitor import Watched
from dseg_ros.types import View
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
WIDTH_PX = 800
BEHIND_M, AHEAD_M = 20.0, 60.0

EDGES = [(a, b) for a in range(8) for b in range(a + 1, 8) if bin(a ^ b).count('1') == 1]
"""Of a box whose corner i has the signs of the bits of i."""

COLOURS = distinct_palette(64)


def draw_frames(watched: Watched, bag: Path, config: SegmentationNodeConfig, out: Path,
                count: int) -> list[Path]:
    """
    Draw frames, spread evenly over the drive.

    :param watched: what was published.
    :param bag: the recording, which has the images and the calibration.
    :param config: of the nodes: topics, matching, motion.
    :param out: folder of the pictures.
    :param count: how many.
    :returns: their files.
    """
    for old in out.glob('frame_*.png'):
        old.unlink()
    inputs = config.inputs
    topics = DriveTopics(inputs.points, {c: (inputs.image_topic(c), inputs.camera_info_topic(c))
                                         for c in inputs.cameras})
    stamps = sorted(watched.clusters.keys() & watched.boxes.keys())
    chosen = {stamps[i] for i in np.linspace(0, len(stamps) - 1, count).astype(int)} if stamps \
        else set()
    paths: list[Path] = []
    with open_bag(bag) as recording:
        for paired in frames(recording, topics, config.sync, config.motion):
            stamp = paired.cloud.stamp_ns
            if stamp in chosen and paired.shots:
                view = paired.shots[0].decoded()
                paths.append(out / f'frame_{len(paths) + 1:02d}.png')
                picture = panels(view, watched.overlays.get((view.name, view.image.stamp_ns)),
                                 watched.clusters[stamp], watched.boxes[stamp])
                cv2.imwrite(str(paths[-1]), picture[:, :, ::-1])
    return paths


def panels(view: View, shown: bytes | None, clusters: NDArray[np.void],
           boxes: NDArray[np.float64]) -> Rgb:
    """
    Put four pictures of a frame together.

    :param view: image, calibration, pose.
    :param shown: the published overlay as a JPEG file, None if none came.
    :param clusters: (N,) nodes.clouds.CLUSTERS.
    :param boxes: (M, 7) as Watched.boxes.
    :returns: (H, W, 3).
    """
    overlay = view.image.rgb if shown is None else np.ascontiguousarray(
        cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1])
    rows = [[titled('semantic mask', overlay), titled('clusters', with_points(view, clusters))],
            [titled('objects', with_boxes(view, boxes)),
             titled("bird's eye", bird(clusters, boxes, aspect(view)))]]
    return np.vstack([np.hstack(row) for row in rows])


def aspect(view: View) -> tuple[int, int]:
    """Return height and width of a panel for a camera."""
    return round(WIDTH_PX * view.camera.height / view.camera.width), WIDTH_PX


def titled(title: str, picture: Rgb) -> Rgb:
    """Scale a picture to a panel's width and write what it is."""
    height = round(WIDTH_PX * picture.shape[0] / picture.shape[1])
    panel = cv2.resize(picture, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(panel, title, (10, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, thickness,
                    cv2.LINE_AA)
    return np.asarray(panel, np.uint8)


def with_points(view: View, clusters: NDArray[np.void]) -> Rgb:
    """Draw clustered points in their published colours into the image."""
    picture = np.right_shift(view.image.rgb, 1)
    xyz = np.stack([clusters[axis] for axis in 'xyz'], axis=1)
    uv, _ = project(xyz, view.camera, view.camera_T_lidar)
    rgb = clusters['rgb'].astype(np.uint32)
    radius = max(1, view.camera.width // 600)
    for (u, v), colour in zip(uv, rgb.tolist()):
        if not np.isnan(u):
            cv2.circle(picture, (round(float(u)), round(float(v))), radius,
                       (colour >> 16, colour >> 8 & 255, colour & 255), -1)
    return picture


def corners(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (8, 3) corners of a box [m]; bit k of a corner's number is its side on axis k."""
    signs = np.array([[1 if i >> k & 1 else -1 for k in range(3)] for i in range(8)])
    along, across = np.cos(box[6]), np.sin(box[6])
    turn = np.array([[along, -across, 0], [across, along, 0], [0, 0, 1]])
    moved: NDArray[np.float64] = box[:3] + (signs * box[3:6] / 2) @ turn.T
    return moved


def with_boxes(view: View, boxes: NDArray[np.float64]) -> Rgb:
    """Draw the edges of boxes into the image; an edge that leaves it is left out."""
    picture = view.image.rgb.copy()
    thickness = max(1, view.camera.width // 700)
    for number, box in enumerate(boxes, start=1):
        uv, _ = project(corners(box), view.camera, view.camera_T_lidar)
        for a, b in EDGES:
            if not np.isnan(uv[[a, b]]).any():
                cv2.line(picture, uv[a].astype(int).tolist(), uv[b].astype(int).tolist(),
                         colour_of(number), thickness, cv2.LINE_AA)
    return picture


def bird(clusters: NDArray[np.void], boxes: NDArray[np.float64], shape: tuple[int, int]) -> Rgb:
    """Draw points and boxes from above, the vehicle's front to the right."""
    height, width = shape
    picture = np.full((height, width, 3), 24, np.uint8)
    px_per_m = width / (AHEAD_M + BEHIND_M)

    def pixels(x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> NDArray[np.int32]:
        ahead, left = (x_m + BEHIND_M) * px_per_m, height / 2 - y_m * px_per_m
        return np.asarray(np.stack([ahead, left], axis=-1), np.int32)

    at = pixels(clusters['x'], clusters['y'])
    inside = (at >= 0).all(axis=1) & (at[:, 0] < width) & (at[:, 1] < height)
    rgb = clusters['rgb'][inside].astype(np.uint32)
    picture[at[inside, 1], at[inside, 0]] = np.stack([rgb >> 16, rgb >> 8 & 255, rgb & 255], 1)
    picture = np.asarray(cv2.dilate(picture, np.ones((2, 2), np.uint8)), np.uint8)
    for number, box in enumerate(boxes, start=1):
        ring = corners(box)[[0, 1, 3, 2]]
        cv2.polylines(picture, [pixels(ring[:, 0], ring[:, 1])], True, colour_of(number), 1,
                      cv2.LINE_AA)
    ego = pixels(np.array([-2.0, 2.5]), np.array([0.9, -0.9]))
    cv2.rectangle(picture, tuple(map(int, ego[0])), tuple(map(int, ego[1])), (255, 255, 255), 1)
    return picture


def colour_of(number: int) -> tuple[int, int, int]:
    """Return the colour of a proposal, as the nodes publish it."""
    red, green, blue = COLOURS[number % len(COLOURS)].tolist()
    return red, green, blue
