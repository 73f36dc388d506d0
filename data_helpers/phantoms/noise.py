"""Noise as a function of position: a voxel's value depends on its coordinates and nothing else.

Only integer arithmetic and +, -, *, / and sqrt of floats are used. IEEE 754 rounds each of them
in one way only, so a value does not depend on where in memory, or in how long a row, it was
computed. (exp, sin and their like may differ in the last bit between a vector's body and tail.)
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "Ranges", "hashed", "mixed", "octave", "octaves", "plane_noise", "speckle"]

Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint32]
# Where a block lies: (start, stop) in voxels along each axis of the whole.
Ranges = Sequence[tuple[int, int]]

# Constants of the integer hash "lowbias32" (C. Wellons, Hash Prospector, 2018).
_MIX = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)
_STEPS = tuple(np.uint32(c) for c in (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D))


def mixed(words: Words) -> Words:
    """Scramble 32-bit words in place, so that neighbours have nothing in common."""
    words ^= words >> np.uint32(16)
    words *= _MIX[0]
    words ^= words >> np.uint32(15)
    words *= _MIX[1]
    words ^= words >> np.uint32(16)
    return words


def hashed(seed: int, *indices: npt.NDArray[np.int64]) -> Words:
    """Return a word for each point of a grid, given the integer coordinates along its axes."""
    key = np.uint32(seed & 0xFFFFFFFF)
    total = mixed(np.full((1,) * len(indices), key, np.uint32))
    for axis, index in enumerate(indices):
        steps = mixed((index.astype(np.uint32) + np.uint32(1)) * _STEPS[axis] ^ key)
        steps = steps.reshape(tuple(-1 if i == axis else 1 for i in range(len(indices))))
        total = mixed(total ^ steps)
    return total


def speckle(seed: int, ranges: Ranges) -> Floats:
    """Return noise without memory from voxel to voxel: mean 0, standard deviation 1.

    The number of set bits of a random word is binomial, close to a normal distribution.
    """
    *outer, last = (np.arange(start, stop) for start, stop in ranges)
    rows = hashed(seed, *outer)[..., None]
    words = rows + hashed(seed + 1, last)
    words ^= words >> np.uint32(15)  # rows and columns are scrambled already
    words *= _MIX[0]
    bits: Floats = np.bitwise_count(words).astype(np.float32)
    bits -= 16
    bits *= float(1 / np.sqrt(8))
    return bits


def octave(seed: int, ranges: Ranges, shape: Sequence[int], frequencies: Sequence[float]) -> Floats:
    """Return smooth noise in [-1, 1]: random values on a lattice, blended between its points.

    Parameters
    ----------
    seed : int
        Another seed, another noise.
    ranges : sequence of (int, int)
        The block, in voxels.
    shape : sequence of int
        The whole, in voxels.
    frequencies : sequence of float
        How many lattice cells fit into the whole along each axis.
    """
    cells, weights = zip(
        *(
            _cells(seed + axis, start, stop, length, frequency)
            for axis, ((start, stop), length, frequency) in enumerate(
                zip(ranges, shape, frequencies, strict=True)
            )
        ),
        strict=True,
    )
    lattice = hashed(seed, *(np.arange(cell[0], cell[-1] + 2) for cell in cells))
    values = lattice.astype(np.float32)
    values *= 2.0**-31
    values -= 1
    # The last axis first, while the lattice is small; axis 0, the costly one, copies planes.
    for axis in reversed(range(len(cells))):
        values = _blend(values, cells[axis] - cells[axis][0], weights[axis], axis)
    return values


def _cells(
    seed: int, start: int, stop: int, length: int, frequency: float
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return, for each voxel of one axis, its lattice cell and how far it is inside it."""
    position = (np.arange(start, stop) + 0.5) * (frequency / length) + _shift(seed)
    cell = np.floor(position)
    inside = position - cell
    weight = inside * inside * (3 - 2 * inside)
    return cell.astype(np.int64), weight.astype(np.float32)


@lru_cache(maxsize=1024)
def _shift(seed: int) -> float:
    """Return a number from 0 to 1, so that the lattices of two octaves do not coincide."""
    return float(hashed(seed, np.zeros(1, np.int64))[0]) / 2**32


def _blend(values: Floats, cell: npt.NDArray[np.int64], weight: Floats, axis: int) -> Floats:
    slopes = np.diff(values, axis=axis)
    result = np.take(slopes, cell, axis=axis)
    result *= weight.reshape((-1,) + (1,) * (values.ndim - axis - 1))
    result += np.take(values, cell, axis=axis)
    return result


def octaves(
    seed: int,
    ranges: Ranges,
    shape: Sequence[int],
    *,
    first: float,
    gain: float,
    last: float = np.inf,
) -> Floats:
    """Return noise with detail at many scales, the finest of two voxels.

    Each octave has twice the frequency of the one before and `gain` times its amplitude. The
    frequencies are cells per length of the whole, so a larger volume has more octaves, and
    shows detail however far one zooms.

    Parameters
    ----------
    seed : int
        Another seed, another noise.
    ranges, shape : sequences
        The block and the whole, in voxels.
    first, last : float
        The lowest frequency, and the one that no octave exceeds.
    gain : float
        The amplitude of an octave as a share of the one before.
    """
    total = np.zeros([stop - start for start, stop in ranges], np.float32)
    amplitude, frequency, number = 1.0, first, 0
    while frequency <= min(last, max(shape) / 2):
        part = octave(seed + 16 * number, ranges, shape, [frequency] * len(shape))
        part *= amplitude
        total += part
        amplitude, frequency, number = amplitude * gain, frequency * 2, number + 1
    return total


def plane_noise(seed: int, u: Floats, v: Floats) -> Floats:
    """Return smooth noise in [-1, 1] at any points of a plane whose lattice has cells of 1."""
    (u_cell, u_weight), (v_cell, v_weight) = _split(u), _split(v)
    key = mixed(np.full(1, np.uint32(seed & 0xFFFFFFFF), np.uint32))
    corner = u_cell * _STEPS[0] + v_cell * _STEPS[1] + key
    low = _between(_signed(corner), _signed(corner + _STEPS[0]), u_weight)
    corner += _STEPS[1]
    high = _between(_signed(corner), _signed(corner + _STEPS[0]), u_weight)
    return _between(low, high, v_weight)


def _split(position: Floats) -> tuple[Words, Floats]:
    cell = np.floor(position)
    inside = position - cell
    weight = inside * -2
    weight += 3
    weight *= inside
    weight *= inside
    return cell.astype(np.int32).view(np.uint32), weight


def _signed(words: Words) -> Floats:
    """Turn the words of lattice points into values from -1 to 1 (half the scrambling will do)."""
    words = words ^ (words >> np.uint32(15))
    words *= _MIX[0]
    values: Floats = words.view(np.int32).astype(np.float32)
    values *= 2.0**-31
    return values


def _between(low: Floats, high: Floats, weight: Floats) -> Floats:
    high -= low
    high *= weight
    high += low
    return high
