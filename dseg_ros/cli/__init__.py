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
The command `dseg`: the only place that prints and exits.

One module per verb; each has `add(subparsers)`, which declares the verb and sets `run`, a
function from the parsed arguments to the exit status. Whatever is slow to import is imported
inside `run`, so that `dseg --help` answers at once and a verb needs only its own libraries.
"""

from dseg_ros.cli.app import main

__all__ = ['main']
