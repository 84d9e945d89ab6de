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

"""Pairing by stamps: on recordings, under jitter, and with what goes wrong on a vehicle."""

from itertools import chain

from dseg_ros.bags.header import stamp_ns
from dseg_ros.bags.reader import open_bag
from dseg_ros.config.schema import ConfigError
from dseg_ros.config.sync import SyncConfig
from dseg_ros.sync import (
    JUMPED, MS, nearest, NearestMatcher, NO_CLOUD, NO_IMAGE, OUT_OF_ORDER, OVERFLOW, REPEATED,
    SUPERSEDED)
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

START_NS = 1_700_000_000_000_000_000


def at(ms):
    """Count milliseconds from some day."""
    return START_NS + round(ms * MS)


def push(matcher, messages):
    """Push ('cloud' or a source, stamp) in order; return all matches but the last ones."""
    return list(chain.from_iterable(
        matcher.push_cloud(stamp, stamp) if kind == 'cloud' else
        matcher.push_image(kind, stamp, stamp) for kind, stamp in messages))


def pair(messages, sources=('front',), **options):
    """Match everything; return the matches and the matcher."""
    matcher = NearestMatcher(SyncConfig(**options), sources)
    return push(matcher, messages) + matcher.flush(), matcher


def stream(kind, period_ms, count, shift_ms=0.0, latency_ms=0.0):
    """Make a regular stream as (arrival, kind, stamp)."""
    stamps = [at(i * period_ms + shift_ms) for i in range(count)]
    return [(s + round(latency_ms * MS), kind, s) for s in stamps]


def in_order(*streams):
    """Merge streams by arrival."""
    return [(kind, stamp) for _, kind, stamp in sorted(chain.from_iterable(streams))]


def distances_ms(matches, source='front'):
    """List |dt| of all pairs [ms]."""
    return np.array([abs(m.stamps_ns[source] - m.stamp_ns) for m in matches
                     if source in m.images]) / MS


def assert_images_used_once(matches):
    """No image is in two matches, and they come in order."""
    for source in {s for m in matches for s in m.images}:
        used = [m.stamps_ns[source] for m in matches if source in m.images]
        assert used == sorted(set(used))
    assert [m.stamp_ns for m in matches] == sorted({m.stamp_ns for m in matches})


def test_the_nearest_image_is_taken_not_the_first():
    """At 30 Hz camera and 10 Hz LiDAR the pairs are within half a camera period."""
    matches, matcher = pair(in_order(stream('cloud', 100, 20, 12, 40),
                                     stream('front', 100 / 3, 60, 0, 10)))
    assert len(matches) == 20
    assert distances_ms(matches).max() <= 100 / 6 + 0.01
    assert_images_used_once(matches)
    assert matcher.dropped.total == 40
    assert set(matcher.dropped.counts) <= {SUPERSEDED, NO_CLOUD}


def test_a_regular_pair_does_not_wait_for_the_next_image():
    """Once the camera's period is known, an image 4 ms before its cloud is final at once."""
    messages = in_order(stream('cloud', 100, 5, 4), stream('front', 100, 5))
    matcher = NearestMatcher(SyncConfig(), ('front',))
    counts = [len(push(matcher, [m])) for m in messages]
    assert counts[5:] == [1, 0, 1, 0, 1]


def test_an_image_after_its_cloud_is_waited_for():
    """An image 20 ms after its cloud is taken, not the one 80 ms before it."""
    matches, _ = pair(in_order(stream('cloud', 100, 10, 0), stream('front', 100, 11, -80, 0)))
    assert [m.stamps_ns['front'] - m.stamp_ns for m in matches] == [20 * MS] * 10


def test_offset_says_where_the_image_is_expected():
    """With an offset of -50 ms images 61 ms before their cloud are taken, of each camera."""
    streams = (stream('cloud', 100, 12), stream('left', 100, 12, -61),
               stream('right', 100, 12, -39))
    matches, _ = pair(in_order(*streams), ('left', 'right'), offset_ms=(-50.0,))
    assert [sorted(m.stamps_ns[s] - m.stamp_ns for s in m.images) for m in matches] == [
        [-61 * MS, -39 * MS]] * 12
    matches, _ = pair(in_order(*streams), ('left', 'right'), offset_ms=(-50.0, 61.0))
    assert {m.stamps_ns['right'] - m.stamp_ns for m in matches[:-1]} == {61 * MS}


@pytest.mark.parametrize('shift_ms, period_ms', [(211, 1000), (-91, 1000), (211, 300)])
def test_images_far_from_their_cloud_pair_within_a_larger_tolerance(shift_ms, period_ms):
    """The tolerance is an option; beyond it nothing pairs, and that is counted."""
    messages = in_order(stream('cloud', period_ms, 5), stream('front', period_ms, 5, shift_ms))
    matches, _ = pair(messages, tolerance_ms=(250.0,), wait_ms=400.0)
    if shift_ms < period_ms / 2:
        assert [m.stamps_ns['front'] - m.stamp_ns for m in matches] == [shift_ms * MS] * 5
    else:
        assert len(matches) >= 4
    matches, matcher = pair(messages, tolerance_ms=(50.0,))
    assert not matches
    assert matcher.dropped.counts == {NO_IMAGE: 5, NO_CLOUD: 5}


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('camera_ms, tolerance_ms', [(100, 100), (100, 250), (100 / 3, 100)])
def test_jitter_of_60_ms_costs_at_most_2_ms(seed, camera_ms, tolerance_ms):
    """Mean |dt| is that of the best assignment, and as many clouds are paired (3 %)."""
    rng = np.random.default_rng(seed)
    clouds = np.sort(at(0) + (np.arange(400) * 100 + rng.uniform(-60, 60, 400)) * MS).astype(int)
    count = int(400 * 100 / camera_ms)
    images = np.sort(at(20) + (np.arange(count) * camera_ms + rng.uniform(-60, 60, count)) * MS
                     ).astype(int)
    messages = in_order([(s + 30 * MS, 'cloud', s) for s in clouds.tolist()],
                        [(s + 10 * MS, 'front', s) for s in images.tolist()])
    matches, _ = pair(messages, tolerance_ms=(float(tolerance_ms),))
    best, pairs = best_assignment(clouds, images, tolerance_ms * MS)
    assert distances_ms(matches).mean() <= best + 2.0
    assert len(matches) >= 0.97 * pairs
    assert_images_used_once(matches)


def best_assignment(clouds, images, tolerance):
    """Solve with SciPy, a cloud without image costing the tolerance: mean |dt| [ms], pairs."""
    distance = abs(np.subtract.outer(clouds, images)).astype(float)
    alone = np.full((len(clouds), len(clouds)), float(tolerance))
    cost = np.concatenate([np.where(distance <= tolerance, distance, 1e15), alone], axis=1)
    rows, columns = linear_sum_assignment(cost)
    paired = columns < len(images)
    return distance[rows[paired], columns[paired]].mean() / MS, paired.sum()


def test_assignment_of_a_few_by_hand():
    """Order is kept, an image is used once, a far one not at all."""
    assert nearest([0, 100], [90], 50) == [None, 0]
    assert nearest([0, 10], [4, 6], 50) == [0, 1]
    assert nearest([0, 10], [8], 50) == [None, 0]
    assert nearest([0, 100, 200], [95, 105, 205], 100) == [0, 1, 2]
    assert nearest([0, 100, 200], [98, 203], 100) == [None, 0, 1]
    assert nearest([5], [], 50) == [None]
    assert nearest([], [5], 50) == []


def test_a_lost_image_does_not_shift_the_pairs_after_it():
    """Where one image is lost one cloud stays alone; its neighbours keep their own."""
    images = [m for i, m in enumerate(stream('front', 100, 20, 4)) if i != 7]
    for tolerance in (100.0, 250.0):
        matches, matcher = pair(in_order(stream('cloud', 100, 20), images),
                                tolerance_ms=(tolerance,))
        assert len(matches) == 19
        assert set(distances_ms(matches)) == {4.0}
        assert matcher.dropped.counts == {NO_IMAGE: 1}


def test_a_dead_camera_does_not_block_the_others():
    """Pairs keep coming, at most `wait_ms` late, and the missing images are counted."""
    matcher = NearestMatcher(SyncConfig(wait_ms=300.0), ('front', 'rear'))
    streams = stream('cloud', 100, 30, 0), stream('front', 100, 30, 4), stream('rear', 100, 10, 8)
    seen_ns, late_ms = 0, []
    for kind, stamp in in_order(*streams):
        seen_ns = max(seen_ns, stamp)
        late_ms += [(seen_ns - m.stamp_ns) / MS for m in push(matcher, [(kind, stamp)])]
    assert len(late_ms) >= 26
    assert max(late_ms) <= 400
    rest = matcher.flush()
    assert len(late_ms) + len(rest) == 30
    assert matcher.missing == {'front': 0, 'rear': 20}


@pytest.mark.parametrize('clock_ms', [-10_000, -400, 400, 10_000])
def test_a_camera_with_a_clock_of_its_own_pairs_by_its_offset(clock_ms):
    """However far its stamps are off, with the offset configured every cloud has its image."""
    messages = in_order(stream('cloud', 100, 30), stream('front', 100, 30, clock_ms,
                                                         20 - clock_ms))
    matches, matcher = pair(messages, offset_ms=(float(clock_ms),))
    assert len(matches) == 30 and matcher.dropped.total == 0


@pytest.mark.parametrize('clock_ms', [500, 10_000])
def test_a_camera_with_a_wrong_clock_does_not_rob_the_others(clock_ms):
    """Its own images are lost and counted; those of the other camera all pair."""
    messages = in_order(stream('cloud', 100, 30), stream('front', 100, 30, 4, 20),
                        stream('wrong', 100, 30, clock_ms, 30 - clock_ms))
    matches, matcher = pair(messages, ('front', 'wrong'))
    assert matcher.missing['front'] == 0 and set(distances_ms(matches)) == {4.0}


def test_min_images_drops_clouds_that_have_too_few():
    """With both cameras demanded, clouds without the dead one are counted as dropped."""
    matches, matcher = pair(
        in_order(stream('cloud', 100, 30), stream('front', 100, 30, 4),
                 stream('rear', 100, 10, 8)), ('front', 'rear'), min_images=2)
    assert len(matches) == 10
    assert matcher.dropped.counts[NO_IMAGE] == 20


def test_no_camera_at_all_and_no_cloud_at_all():
    """Queues stay bounded and everything is counted, whichever sensor is dead."""
    matches, matcher = pair(in_order(stream('cloud', 100, 200)))
    assert not matches and matcher.dropped.counts == {NO_IMAGE: 200}
    matches, matcher = pair(in_order(stream('front', 33, 200)), queue=16)
    assert not matches
    assert matcher.dropped.counts == {OVERFLOW: 184, NO_CLOUD: 16}


def test_messages_out_of_order_are_sorted_in_or_counted():
    """Every cloud is matched or counted, however its stream was shuffled."""
    messages = in_order(stream('cloud', 100, 20, 0, 30), stream('front', 100, 20, 4))
    swapped = list(messages)
    for i in (6, 15, 22):
        swapped[i], swapped[i + 2] = swapped[i + 2], swapped[i]
    matches, matcher = pair(swapped, jump_back_ms=1000.0)
    assert_images_used_once(matches)
    drops = matcher.dropped.counts
    assert len(matches) >= 17
    assert len(matches) + drops.get(OUT_OF_ORDER, 0) + drops.get(NO_IMAGE, 0) == 20
    late = [*messages, ('cloud', at(1750))]
    matches, matcher = pair(late, jump_back_ms=1000.0)
    assert len(matches) == 20 and matcher.dropped.counts[OUT_OF_ORDER] == 1


def test_repeated_stamps_are_counted():
    """A message that comes twice is used once."""
    messages = in_order(stream('cloud', 100, 10), stream('front', 100, 10, 4))
    matches, matcher = pair([m for m in messages for _ in range(2)])
    assert len(matches) == 10
    assert matcher.dropped.counts == {REPEATED: 20}


def test_three_loops_pair_equally():
    """After the clock was set back everything starts anew: no pair is lost or mixed."""
    once = in_order(stream('cloud', 100, 30, 0, 40), stream('front', 100, 30, -4),
                    stream('left', 100, 30, -61))
    alone, _ = pair(once, ('front', 'left'))
    matches, matcher = pair(once * 3, ('front', 'left'))
    assert len(matches) == 3 * len(alone) == 90
    for loop in range(3):
        for one, other in zip(alone, matches[30 * loop:]):
            assert (one.stamp_ns, one.stamps_ns) == (other.stamp_ns, other.stamps_ns)
    assert set(matcher.dropped.counts) <= {JUMPED, SUPERSEDED, NO_CLOUD}


def test_short_loops_of_three_frames_pair_equally():
    """A recording of 0.2 s that starts again is a clock jump, not a message out of order."""
    once = in_order(stream('cloud', 100, 3), stream('front', 100, 3, 21, -30))
    matches, _ = pair(once * 3)
    assert [m.stamp_ns for m in matches] == [at(0), at(100), at(200)] * 3
    assert set(distances_ms(matches)) == {21.0}


def test_what_was_sent_before_a_jump_and_comes_after_it_is_counted():
    """The last cloud of a loop overtaken by the first image of the next does no harm."""
    once = in_order(stream('cloud', 100, 30, 0, 40), stream('front', 100, 30, -4))
    messages = once[:-1] + [once[0], once[-1]] + once[1:]
    matches, matcher = pair(messages)
    assert len(matches) == 29 + 30
    assert matcher.dropped.counts[JUMPED] == 2  # the overtaken cloud, and its image


def test_a_wrong_stamp_far_ahead_is_survived():
    """One message from the future costs a few pairs at most."""
    messages = in_order(stream('cloud', 100, 40, 0, 10), stream('front', 100, 40, 4))
    messages.insert(21, ('front', at(3_600_000)))
    matches, _ = pair(messages)
    assert len(matches) >= 38
    assert distances_ms(matches).max() < 100


def test_options_that_do_not_fit_the_cameras_are_refused():
    """Errors name the option and the numbers."""
    with pytest.raises(ConfigError, match='offset_ms: 3 values for 2 cameras'):
        NearestMatcher(SyncConfig(offset_ms=(1.0, 2.0, 3.0)), ('a', 'b'))
    with pytest.raises(ConfigError, match='min_images: 2 of 1 cameras'):
        NearestMatcher(SyncConfig(min_images=2), ('a',))


def recorded(path, points, images):
    """Read (kind, header stamp) of a recording in the order in which it was made."""
    kinds = {points: 'cloud', **{topic: source for source, topic in images.items()}}
    with open_bag(path) as bag:
        return [(kinds[r.topic], stamp_ns(r.message.header)) for r in bag.messages(kinds)]


@pytest.fixture(scope='module')
def kitti(shared_data):
    """Provide the stamps of the KITTI recording."""
    return recorded(shared_data / 'kitti_drive', '/lidar/points',
                    {'front': '/camera/front/image_raw/compressed'})


def test_kitti_pairs_every_cloud(kitti):
    """All 30 clouds have their image, 4 ms away; three loops pair equally."""
    matches, matcher = pair(kitti)
    assert len(matches) == 30 and distances_ms(matches).max() < 6
    assert matcher.dropped.total == 0
    looped, matcher = pair(kitti * 3)
    assert [m.stamps_ns for m in looped] == [m.stamps_ns for m in matches] * 3
    assert matcher.dropped.total == 0


def test_pandaset_pairs_every_cloud_with_three_cameras(shared_data):
    """Stamps mark the end of the sweep: its middle is where the images are."""
    cameras = ('front_left', 'front', 'front_right')
    messages = recorded(shared_data / 'pandaset_drive', '/lidar/points',
                        {c: f'/camera/{c}/image/compressed' for c in cameras})
    matches, matcher = pair(messages, cameras, offset_ms=(-50.0,))
    assert len(matches) == 36 and matcher.dropped.total == 0
    for match in matches:
        dt_ms = [(match.stamps_ns[c] - match.stamp_ns) / MS for c in cameras]
        assert -62 < dt_ms[0] < dt_ms[1] < dt_ms[2] < -38
    looped, _ = pair(messages * 3, cameras, offset_ms=(-50.0,))
    assert [m.stamps_ns for m in looped] == [m.stamps_ns for m in matches] * 3


def test_slow_and_short_recordings_pair(shared_data):
    """Three clouds each: 20 ms before their image, 21 ms before, 9 ms after."""
    for path, points, image, dt_ms in (
            ('rings_drive', '/top/points', '/cam/image_raw', 20),
            ('ddad_1_drive', '/points', '/camera_05/image/compressed', 21),
            ('ddad_2_drive/ddad_2_drive.bag', '/points', '/camera_09/image/compressed', -9)):
        messages = recorded(shared_data / path, points, {'front': image})
        for loops in (1, 3):
            matches, _ = pair(messages * loops)
            assert len(matches) == 3 * loops, path
            assert all(abs((m.stamps_ns['front'] - m.stamp_ns) / MS - dt_ms) < 1
                       for m in matches), path
