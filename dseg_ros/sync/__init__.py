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
Which image belongs to which cloud: nearest stamps, offline and online.

The matcher is driven by the clouds. Every image is used at most once, and the images of a camera
keep their order. The choice minimises the sum of |dt| in which a cloud without image costs the
tolerance, so a lost image never shifts all later pairs. It is final as soon as no message still
to come is expected to change it: a later image has come, or is due too late, to be nearer; the
next cloud is not nearer to the image. A contested image waits for what comes, at most until stamps
went on for `wait_ms`. All of it is our choice; message_filters' approximate policy is greedy and
stops after a clock jump.
"""

from dseg_ros.sync.assignment import nearest
from dseg_ros.sync.matcher import (
    JUMPED, Match, MS, NearestMatcher, NO_CLOUD, NO_IMAGE, OUT_OF_ORDER, OVERFLOW, REPEATED,
    SUPERSEDED)

__all__ = ['JUMPED', 'Match', 'MS', 'nearest', 'NearestMatcher', 'NO_CLOUD', 'NO_IMAGE',
           'OUT_OF_ORDER', 'OVERFLOW', 'REPEATED', 'SUPERSEDED']
