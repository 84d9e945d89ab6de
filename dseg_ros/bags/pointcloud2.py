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
PointCloud2 of any layout to Cloud: one code for messages of rclpy and of rosbags.

Fields are found by name. What our stages do not use is ignored; what they use may have any
numeric type, any offset and either byte order.
"""

from __future__ import annotations

from collections.abc import Mapping
import sys
from typing import Any

from dseg_ros.bags.header import MessageError, NANO, stamp_ns
from dseg_ros.types import Cloud, Dropped
import numba
import numpy as np
from numpy.typing import NDArray

NAMES: Mapping[str, tuple[str, ...]] = {
    'intensity': ('intensity', 'intensities', 'i', 'reflectivity', 'reflectance'),
    'ring': ('ring', 'channel', 'laser_id', 'line'),
    'time': ('time', 't', 'timestamp', 'time_stamp', 'offset_time'),
    'label': ('label',),
}
"""Usual names of the optional fields, the first one present is taken."""

DATATYPES = {1: 'i1', 2: 'u1', 3: 'i2', 4: 'u2', 5: 'i4', 6: 'u4', 7: 'f4', 8: 'f8'}
"""sensor_msgs/PointField datatype to NumPy type."""

QUADS = [('x', 0, 7), ('y', 4, 7), ('z', 8, 7), ('intensity', 12, 7)]
"""Name, offset and datatype of the fields of the most common layout."""

LONGEST_SWEEP_S = 1.0
"""A point's time further than this from its header stamp is in a unit that is not known."""

SHORTEST_SWEEP_S = 0.001

NOT_FINITE = 'point_not_finite'
"""Reason: x, y or z is NaN or infinite, as sensors mark beams without a return."""

TIME_UNKNOWN = 'cloud_point_times_implausible'
"""Reason: the time field is of no known unit or of another clock; the cloud goes on without it."""


def cloud_from_message(msg: Any) -> tuple[Cloud, Dropped]:
    """
    Decode a sensor_msgs/PointCloud2.

    :param msg: the message, of rclpy or of rosbags; it is not changed.
    :returns: the cloud of its finite points in the message's order, and what was dropped. Point
        times become seconds relative to the header stamp, whatever they were; all zero is none.
    :raises MessageError: for a layout that contradicts itself or has no x, y, z.
    """
    stamp, frame = stamp_ns(msg.header), str(msg.header.frame_id)
    count = int(msg.width) * int(msg.height)
    if count == 0:
        none = np.empty(0, np.float32)
        return Cloud(stamp, frame, none, none, none), Dropped()
    rows = _rows(msg)
    columns, finite = _quads(msg, rows, count) or (_columns(msg, rows, count), None)
    if missing := {'x', 'y', 'z'} - columns.keys():
        raise MessageError(f'cloud {frame!r} has no field {sorted(missing)}, it has '
                           f'{[f.name for f in msg.fields]}')
    xyz, kept = _finite_xyz(columns, finite)
    if kept is not None:  # from a copy without gaps, taking is twice as fast as from the view
        columns = {name: np.ascontiguousarray(column).take(kept)
                   for name, column in columns.items() if name not in 'xyz'}
    if 'time' in columns and len(xyz[0]) and not columns['time'].any():
        del columns['time']  # never filled in: the convention of the stamp holds
    time_s = _relative_time(columns['time'], stamp) if 'time' in columns else None
    x, y, z = xyz
    cloud = Cloud(stamp, frame, x, y, z, intensity=_cast(columns.get('intensity'), np.float32),
                  ring=_ring(columns.get('ring')), time_s=time_s,
                  label=_cast(columns.get('label'), np.uint8))
    lost = {NOT_FINITE: count - len(cloud),
            TIME_UNKNOWN: int('time' in columns and time_s is None)}
    return cloud, Dropped({reason: n for reason, n in lost.items() if n})


def _rows(msg: Any) -> NDArray[np.uint8]:
    """Return the points' bytes without padding at the ends of rows, as (N * point_step,)."""
    width, height = int(msg.width), int(msg.height)
    row, used = int(msg.row_step), width * int(msg.point_step)
    data = np.frombuffer(msg.data, np.uint8)
    if height == 1:
        row = used
    where = (f'cloud {str(msg.header.frame_id)!r} of {width}x{height} points, point_step '
             f'{msg.point_step}, row_step {msg.row_step}')
    if int(msg.point_step) <= 0 or row < used:
        raise MessageError(f'{where}: a row of points does not fit into its step')
    if len(data) < (height - 1) * row + used:
        raise MessageError(f'{where}: holds {len(data)} bytes, needs {(height - 1) * row + used}')
    if row == used:
        return data[:height * used]
    padded: NDArray[np.uint8] = np.ndarray((height, used), np.uint8, data, strides=(row, 1))
    return np.ascontiguousarray(padded).reshape(-1)


def _columns(msg: Any, rows: NDArray[np.uint8], count: int) -> dict[str, NDArray[Any]]:
    """Return a strided view per field in use, by our names for them."""
    present = {f.name: f for f in msg.fields}
    wanted = {axis: (axis,) for axis in 'xyz'} | dict(NAMES)
    columns = {}
    for ours, names in wanted.items():
        if field := next((present[n] for n in names if n in present), None):
            columns[ours] = _view(msg, field, rows, count)
    if 'label' in columns and columns['label'].dtype != np.uint8:
        del columns['label']  # a recorded label of another kind is none of ours
    return columns


def _view(msg: Any, field: Any, rows: NDArray[np.uint8], count: int) -> NDArray[Any]:
    """Return one field of all points, as a view in the message's own type."""
    if int(field.datatype) not in DATATYPES:
        raise MessageError(f'field {field.name!r} has the unknown datatype {field.datatype}')
    dtype = np.dtype(DATATYPES[int(field.datatype)])
    dtype = dtype.newbyteorder('>' if msg.is_bigendian else '<')
    if field.offset + dtype.itemsize > msg.point_step:
        raise MessageError(f'field {field.name!r} of {dtype.itemsize} bytes at offset '
                           f'{field.offset} ends beyond point_step {msg.point_step}')
    return np.ndarray((count,), dtype, rows.data, int(field.offset), (int(msg.point_step),))


def _quads(msg: Any, rows: NDArray[np.uint8], count: int
           ) -> tuple[dict[str, NDArray[Any]], bool] | None:
    """
    Split the most common layout, x, y, z, intensity as float32 and nothing else, fast.

    :returns: the fields, and whether all points are finite; None for another layout.
    """
    layout = [(f.name, int(f.offset), int(f.datatype)) for f in msg.fields]
    if (layout != QUADS or msg.point_step != 16 or msg.is_bigendian
            or sys.byteorder != 'little' or rows.ctypes.data % 4):
        return None
    out = np.empty((4, count), np.float32)
    finite = _split_quads(rows.view(np.float32), *out)
    return dict(zip(('x', 'y', 'z', 'intensity'), out)), finite


@numba.njit(nogil=True, cache=True)
def _split_quads(quads: NDArray[np.float32], a: NDArray[np.float32], b: NDArray[np.float32],
                 c: NDArray[np.float32], d: NDArray[np.float32]) -> bool:
    """
    Copy every fourth value; the literal stride makes this as fast as a plain copy.

    :returns: whether the first three of all quads are finite, see `_all_finite`; beside the copy
        that costs nothing, in a pass of its own a quarter.
    """
    bad = False
    for i in range(len(a)):
        x, y, z = quads[4 * i], quads[4 * i + 1], quads[4 * i + 2]
        a[i], b[i], c[i], d[i] = x, y, z, quads[4 * i + 3]
        bad |= (x - x) + (y - y) + (z - z) != np.float32(0)
    return not bad


def _finite_xyz(columns: Mapping[str, NDArray[Any]], finite: bool | None) -> tuple[
        tuple[NDArray[np.float32], ...], NDArray[np.int64] | None]:
    """
    Copy x, y, z as float32; the places of the finite points are None if all of them are.

    :param finite: whether all are; None = not known yet.
    """
    with np.errstate(over='ignore'):  # a float64 beyond float32 becomes inf, and is dropped
        xyz = tuple(np.ascontiguousarray(columns[a], np.float32) for a in 'xyz')
    if _all_finite(*xyz) if finite is None else finite:
        return xyz, None
    kept = _finite_places(*xyz)
    return tuple(a.take(kept) for a in xyz), kept


@numba.njit(nogil=True, cache=True)
def _all_finite(x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32]) -> bool:
    """Tell whether all are finite: only what is finite minus itself is 0."""
    bad = False
    for i in range(len(x)):
        bad |= (x[i] - x[i]) + (y[i] - y[i]) + (z[i] - z[i]) != np.float32(0)
    return not bad


@numba.njit(nogil=True, cache=True)
def _finite_places(x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32]
                   ) -> NDArray[np.int64]:
    """Find the finite points, without a branch that a pattern of gaps would mislead."""
    places = np.empty(len(x), np.int64)
    found = 0
    for i in range(len(x)):
        places[found] = i
        found += (x[i] - x[i]) + (y[i] - y[i]) + (z[i] - z[i]) == np.float32(0)
    return places[:found]


def _cast(column: NDArray[Any] | None, dtype: Any) -> NDArray[Any] | None:
    """Return a column in our own type."""
    return None if column is None else np.ascontiguousarray(column, dtype)


def _ring(column: NDArray[Any] | None) -> NDArray[np.uint16] | None:
    """Return beam indices; a float one is rounded, a negative or NaN one becomes 0."""
    if column is None:
        return None
    if column.dtype.kind == 'f':
        column = np.rint(np.nan_to_num(column, posinf=0, neginf=0))
    if column.dtype.itemsize > 2 or column.dtype.kind != 'u':
        column = np.clip(column, 0, np.iinfo(np.uint16).max)
    return np.ascontiguousarray(column, np.uint16)


def _relative_time(column: NDArray[Any], stamp: int) -> NDArray[np.float32] | None:
    """
    Return point times relative to the header stamp [s], or None if no unit fits.

    Sensors write seconds or nanoseconds, since the stamp or since the epoch. Taken is the
    reading under which all points lie within LONGEST_SWEEP_S of the stamp: floats are tried as
    seconds first, integers as nanoseconds; of two that fit, the one nearer to the stamp. Floats
    are nanoseconds only if they span SHORTEST_SWEEP_S: as such, any small numbers would fit.
    """
    if len(column) == 0:
        return np.empty(0, np.float32)
    values = np.ascontiguousarray(column, column.dtype.newbyteorder('='))
    low, high = float(values.min()), float(values.max())
    integer = values.dtype.kind != 'f'
    for unit in (1 / NANO, 1.0) if integer else (1.0, 1 / NANO):
        reach = {origin: max(abs(low * unit - origin), abs(high * unit - origin))
                 for origin in (0.0, stamp / NANO)}
        origin = min(reach, key=lambda o: reach[o])
        too_short = unit < 1 and not integer and (high - low) * unit < SHORTEST_SWEEP_S
        if too_short or not reach[origin] <= LONGEST_SWEEP_S:
            continue
        if integer and origin:  # subtracted while it still has all its digits
            since = values.astype(np.int64) - (stamp if unit < 1 else stamp // NANO)
            return (since * unit).astype(np.float32)
        return np.ascontiguousarray(values if (unit, origin) == (1.0, 0.0)
                                    else values * np.float64(unit) - origin, np.float32)
    return None
