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

"""Package description for colcon; name, version and people come from package.xml."""

from pathlib import Path
from xml.etree import ElementTree

from setuptools import find_packages, setup

HERE = Path(__file__).parent
MANIFEST = ElementTree.parse(HERE / 'package.xml').getroot()
NAME = MANIFEST.findtext('name')
NODES = ('proposals_node', 'segmentation_node', 'recorder_node', 'bag_player_node', 'drive')


def share(folder: str, pattern: str) -> tuple[str, list[str]]:
    """Install the matching files of a folder under share/<package>/<folder>."""
    files = sorted(str(p.relative_to(HERE)) for p in (HERE / folder).glob(pattern))
    return f'share/{NAME}/{folder}', files


setup(
    name=NAME,
    version=MANIFEST.findtext('version'),
    description=MANIFEST.findtext('description'),
    maintainer=MANIFEST.findtext('maintainer'),
    maintainer_email=MANIFEST.find('maintainer').get('email'),
    license=MANIFEST.findtext('license'),
    packages=find_packages(exclude=['test', 'test.*']),
    package_data={NAME: ['py.typed']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        share('launch', '*.launch.py'),
        share('config', '*.*'),
        share('config/recipes', '*.yaml'),
        share('resource/models', '*.onnx'),
    ],
    install_requires=['setuptools'],
    extras_require={'test': ['pytest']},
    zip_safe=True,
    entry_points={'console_scripts': [
        'dseg = dseg_ros.cli:main',
        *(f'{node} = {NAME}.nodes.{node}:main' for node in NODES),
    ]},
)
