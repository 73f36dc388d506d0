"""The levels of a pyramid on plain integers: factors, shapes, and where a voxel's centre lies.

Level ``k`` divides the full resolution into windows of ``factors[k]`` voxels. The last window along
an axis may be cut short by the edge, so lengths are rounded up::

    level 0   | 0 | 1 | 2 | 3 | 4 |      length 5, factor 1
    level 1   |   0   |   1   | 2 .      length 3, factor 2, the last window has one voxel
    level 2   |       0       | 1 . . .  length 2, factor 4
"""

from collections.abc import Sequence
from math import prod, sqrt
from operator import index as as_int
from typing import TypeAlias

from data_helpers.ome_zarr.axes import AXIS_TYPES, check_axes, full_voxel_size

__all__ = ["Factors", "level_factors", "level_scale", "level_shapes", "level_translation"]

Factors: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]]
Shape: TypeAlias = tuple[int, ...]


def level_factors(
    shape: Sequence[int],
    factors: Factors = 2,
    levels: int | None = None,
    *,
    axes: str | Sequence[str] | None = None,
    voxel_size: Sequence[float] | float | None = None,
    until: int | Sequence[int] = 128,
) -> list[Shape]:
    """Say by how much each level is smaller than the full resolution.

    Parameters
    ----------
    shape
        Shape of the full resolution.
    factors
        From one level to the next: one number for all axes of space; or one per axis; or one
        tuple for each step. With one number and a `voxel_size`, an axis whose voxels are longer
        than others' is not reduced until they are about as long (within the square root of the
        factor).
    levels
        Number of levels, the full resolution included. None means until a level fits `until`.
    axes
        Names of the axes. Time and channel are never reduced. None means that all are space.
    voxel_size
        As for `write_multiscale`.
    until
        Length, for all axes or per axis, that a level need not exceed.

    Returns
    -------
    list of tuple of int
        For each level one factor per axis, relative to the full resolution; all ones for level 0.

    Raises
    ------
    ValueError
        If lengths or factors do not fit the axes, time or channel would be reduced, or there
        cannot be as many levels.

    Examples
    --------
    Voxels four times as long along z as in the plane: two steps leave z alone.

    >>> level_factors((64, 256, 256), voxel_size=(2.0, 0.5, 0.5), levels=4)
    [(1, 1, 1), (1, 2, 2), (1, 4, 4), (2, 8, 8)]
    """
    lengths = _checked_shape(shape)
    names = ("x",) * len(lengths) if axes is None else check_axes(axes, len(lengths))
    space = [AXIS_TYPES[name] == "space" for name in names]
    sizes = (1.0,) * len(lengths) if voxel_size is None else full_voxel_size(names, voxel_size)
    limits = (until,) * len(lengths) if isinstance(until, int) else tuple(until)
    steps = _checked_steps(factors, len(lengths), names)
    if isinstance(steps, list):
        levels = _agreed_levels(len(steps) + 1, levels)
    found = [(1,) * len(lengths)]
    while len(found) != levels:
        now = _divided(lengths, found[-1])
        if levels is None and all(
            n <= most for n, most, s in zip(now, limits, space, strict=True) if s
        ):
            break
        if isinstance(steps, int):
            step = _isotropic_step(now, space, level_scale(found[-1], sizes), steps)
        else:
            step = steps[len(found) - 1] if isinstance(steps, list) else steps
        step = tuple(min(factor, n) for factor, n in zip(step, now, strict=True))
        if prod(step) == 1:
            if levels is None:
                break
            raise ValueError(
                f"levels is {levels}, but level {len(found) - 1} of shape {now} cannot be reduced "
                f"any further; expected at most {len(found)} levels"
            )
        found.append(tuple(a * b for a, b in zip(found[-1], step, strict=True)))
    return found


def level_shapes(
    shape: Sequence[int],
    factors: Factors = 2,
    levels: int | None = None,
    *,
    axes: str | Sequence[str] | None = None,
    voxel_size: Sequence[float] | float | None = None,
    until: int | Sequence[int] = 128,
) -> list[Shape]:
    """List the shapes of the levels of a pyramid.

    Parameters
    ----------
    shape, factors, levels, axes, voxel_size, until
        As `level_factors`.

    Returns
    -------
    list of tuple of int
        One shape per level, the full resolution first. Lengths are rounded up, since a last window
        that the edge cuts short counts.

    Raises
    ------
    ValueError
        As `level_factors`.

    Examples
    --------
    >>> level_shapes((60, 137, 256), 2, levels=3)
    [(60, 137, 256), (30, 69, 128), (15, 35, 64)]
    >>> level_shapes((2, 60, 256, 256), axes="czyx", voxel_size=(1.0, 0.5, 0.5), until=64)
    [(2, 60, 256, 256), (2, 60, 128, 128), (2, 30, 64, 64)]
    """
    found = level_factors(shape, factors, levels, axes=axes, voxel_size=voxel_size, until=until)
    return [_divided(_checked_shape(shape), factor) for factor in found]


def level_scale(factors: Sequence[int], voxel_size: Sequence[float]) -> tuple[float, ...]:
    """Voxel size of a level: that of the full resolution times the factor.

    Parameters
    ----------
    factors
        Factor of each axis, relative to the full resolution.
    voxel_size
        Voxel size of the full resolution, one number per axis.

    Returns
    -------
    tuple of float
        One number per axis.

    Examples
    --------
    >>> level_scale((1, 4), (2.0, 0.5))
    (2.0, 2.0)
    """
    return tuple(factor * size for factor, size in zip(factors, voxel_size, strict=True))


def level_translation(factors: Sequence[int], voxel_size: Sequence[float]) -> tuple[float, ...]:
    """Position of the centre of a level's first voxel, from the centre of the full resolution's.

    ::

        level 0      0     1     2     3        centres at 0, 1, 2, 3 voxels
        level 1        0.5         2.5          the mean of 0 and 1 lies at 0.5
        level 2              1.5                (factor - 1) / 2

    Parameters
    ----------
    factors
        Factor of each axis, relative to the full resolution.
    voxel_size
        Voxel size of the full resolution, one number per axis.

    Returns
    -------
    tuple of float
        One number per axis, in the unit of `voxel_size`.

    Examples
    --------
    >>> level_translation((1, 2, 4), (2.0, 0.5, 0.5))
    (0.0, 0.25, 0.75)
    """
    return tuple((factor - 1) / 2 * size for factor, size in zip(factors, voxel_size, strict=True))


def _divided(lengths: Shape, factors: Sequence[int]) -> Shape:
    """Shape of a level: lengths divided and rounded up."""
    return tuple(-(-length // factor) for length, factor in zip(lengths, factors, strict=True))


def _isotropic_step(
    now: Shape, space: Sequence[bool], sizes: Sequence[float], factor: int
) -> Shape:
    """Reduce the axes of the shortest voxels, and those whose voxels are hardly longer."""
    reducible = [n > 1 and is_space for n, is_space in zip(now, space, strict=True)]
    shortest = min((size for size, can in zip(sizes, reducible, strict=True) if can), default=0.0)
    return tuple(
        factor if can and size < shortest * sqrt(factor) else 1
        for size, can in zip(sizes, reducible, strict=True)
    )


def _checked_shape(shape: Sequence[int]) -> Shape:
    lengths = tuple(as_int(length) for length in shape)
    if not lengths or min(lengths) < 1:
        raise ValueError(
            f"the image has shape {lengths}; expected at least one voxel along each axis"
        )
    return lengths


def _checked_steps(
    factors: Factors, dimensions: int, names: Sequence[str]
) -> int | Shape | list[Shape]:
    """Give one number, one tuple for all steps, or a list of one tuple per step."""
    if isinstance(factors, int):
        if factors < 2:
            raise ValueError(f"factors is {factors}; expected 2 or more")
        return factors
    listed = [tuple(step) if isinstance(step, Sequence) else as_int(step) for step in factors]
    if all(isinstance(step, tuple) for step in listed):
        return [
            _checked_step(step, dimensions, names) for step in listed if isinstance(step, tuple)
        ]
    return _checked_step(listed, dimensions, names)


def _checked_step(step: Sequence[object], dimensions: int, names: Sequence[str]) -> Shape:
    if len(step) != dimensions or not all(isinstance(f, int) and f >= 1 for f in step):
        raise ValueError(
            f"factors {tuple(step)} do not fit {dimensions} axes; expected one whole number of at "
            "least 1 per axis"
        )
    numbers = tuple(as_int(factor) for factor in step if isinstance(factor, int))
    for name, factor in zip(names, numbers, strict=True):
        if AXIS_TYPES[name] != "space" and factor != 1:
            raise ValueError(
                f"factors {numbers} reduce axis {name!r} by {factor}; expected 1, since time and "
                "channel are never reduced"
            )
    return numbers


def _agreed_levels(expected: int, levels: int | None) -> int:
    if levels not in (None, expected):
        raise ValueError(
            f"levels is {levels}, but the factors of {expected - 1} steps make {expected} levels; "
            "leave levels out, or give as many steps"
        )
    return expected
