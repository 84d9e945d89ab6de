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

"""All nodes in one process: a message is received once and decoded once."""

from __future__ import annotations

from importlib import import_module
import sys

from dseg_ros.nodes.running import run
from dseg_ros.nodes.shell import Surroundings
from rclpy.node import Node
from rclpy.utilities import remove_ros_args

NODES = {'proposals': 'ProposalsNode', 'segmentation': 'SegmentationNode',
         'recorder': 'RecorderNode'}
"""Class by name; it is in <name>_node.py, which is imported only if wanted."""


def compose(names: list[str]) -> list[Node]:
    """
    Make nodes that share their subscriptions and transforms.

    :param names: keys of NODES.
    """
    kinds = [getattr(import_module(f'dseg_ros.nodes.{n}_node'), NODES[n]) for n in names]
    owner = Node('drive_inputs', start_parameter_services=False)
    shared = Surroundings(owner)
    return [owner, *(kind(shared) for kind in kinds)]


def main() -> None:
    """Run the nodes named on the command line; without names, those that need no data set."""
    names = remove_ros_args(sys.argv)[1:] or ['proposals', 'segmentation']
    if unknown := set(names) - set(NODES):
        sys.exit(f'drive: {sorted(unknown)}: no such nodes, there are {sorted(NODES)}')
    sys.exit(run(lambda: compose(names)))


if __name__ == '__main__':
    main()
