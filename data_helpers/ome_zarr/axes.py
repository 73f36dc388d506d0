"""Axes of an image: names, types, units and voxel sizes, as the OME-Zarr specification has them."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import isfinite

__all__ = ["AXIS_TYPES", "SPACE_UNITS", "TIME_UNITS", "axis_units", "check_axes", "full_voxel_size"]

AXIS_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}

# OME-Zarr 0.5, "axes" metadata: the units a reader can be expected to know.
SPACE_UNITS = (
    *("angstrom", "attometer", "centimeter", "decimeter", "exameter", "femtometer", "foot"),
    *("gigameter", "hectometer", "inch", "kilometer", "megameter", "meter", "micrometer", "mile"),
    *("millimeter", "nanometer", "parsec", "petameter", "picometer", "terameter", "yard"),
    *("yoctometer", "yottameter", "zeptometer", "zettameter"),
)
TIME_UNITS = (
    *("attosecond", "centisecond", "day", "decisecond", "exasecond", "femtosecond", "gigasecond"),
    *("hectosecond", "hour", "kilosecond", "megasecond", "microsecond", "millisecond", "minute"),
    *("nanosecond", "petasecond", "picosecond", "second", "terasecond", "yoctosecond"),
    *("yottasecond", "zeptosecond", "zettasecond"),
)
_SHORT = {"um": "micrometer", "µm": "micrometer", "μm": "micrometer", "nm": "nanometer"}
_SHORT |= {"mm": "millimeter", "cm": "centimeter", "m": "meter", "s": "second", "ms": "millisecond"}
_SHORT |= {"micron": "micrometer", "microns": "micrometer", "min": "minute", "h": "hour"}


def check_axes(axes: str | Sequence[str], dimensions: int) -> tuple[str, ...]:
    """Check the names of axes and their order.

    Parameters
    ----------
    axes
        Names in the order of the array's axes: "t", "c", "z", "y", "x", as one text or a sequence.
    dimensions
        Number of axes of the array.

    Returns
    -------
    tuple of str
        The names.

    Raises
    ------
    ValueError
        If the number of names is not that of axes, a name is unknown or twice there, there are
        fewer than two axes of space, or time, channel and space do not follow in this order.

    Examples
    --------
    >>> check_axes("tzyx", 4)
    ('t', 'z', 'y', 'x')
    """
    names = tuple(axes)
    if len(names) != dimensions:
        raise ValueError(
            f"axes {names} name {len(names)} axes, but the array has {dimensions} dimensions; "
            "give one name per dimension"
        )
    if unknown := [name for name in names if name not in AXIS_TYPES]:
        raise ValueError(f"axes {names} contain {unknown}; expected names among 't', 'c', 'zyx'")
    if len(set(names)) != len(names):
        raise ValueError(f"axes {names} name an axis twice; expected each name once")
    types = [AXIS_TYPES[name] for name in names]
    if types.count("space") < 2:
        raise ValueError(f"axes {names} have fewer than two axes of space; expected 'yx' or 'zyx'")
    if types != sorted(types, key=["time", "channel", "space"].index):
        raise ValueError(
            f"axes {names} are not in the order of the specification; expected time, then channel, "
            "then space, such as 'tczyx': transpose the array first"
        )
    return names


def axis_units(axes: Sequence[str], unit: str | Mapping[str, str] | None) -> tuple[str | None, ...]:
    """Give each axis its unit.

    Parameters
    ----------
    axes
        Names of the axes.
    unit
        Unit of the axes of space, or units by name of the axis. None for none at all.

    Returns
    -------
    tuple of str or None
        One unit per axis; None where there is none, as for channels.

    Raises
    ------
    ValueError
        If a unit is not in the specification's list for that type of axis, or belongs to no axis.

    Examples
    --------
    >>> axis_units("cyx", "micrometer")
    (None, 'micrometer', 'micrometer')
    >>> axis_units("tyx", {"t": "second", "y": "micrometer", "x": "micrometer"})
    ('second', 'micrometer', 'micrometer')
    """
    by_name = (
        unit
        if isinstance(unit, Mapping)
        else {name: unit for name in axes if unit is not None and AXIS_TYPES[name] == "space"}
    )
    if strangers := [name for name in by_name if name not in axes]:
        raise ValueError(
            f"unit has {strangers}, but the axes are {tuple(axes)}; give units by axis"
        )
    for name, word in by_name.items():
        _check_unit(name, word)
    return tuple(by_name.get(name) for name in axes)


def _check_unit(name: str, word: str) -> None:
    known = {"space": SPACE_UNITS, "time": TIME_UNITS, "channel": ()}[AXIS_TYPES[name]]
    if word in known:
        return
    if not known:
        raise ValueError(f"axis {name!r} has unit {word!r}; expected none, as channels have none")
    near = [_SHORT[word]] if _SHORT.get(word) in known else get_close_matches(word, known, 1)
    hint = f"write {near[0]!r}" if near else f"one of {', '.join(known)}"
    raise ValueError(
        f"axis {name!r} has unit {word!r}; expected a name from the specification's list: {hint}"
    )


def full_voxel_size(axes: Sequence[str], voxel_size: Sequence[float] | float) -> tuple[float, ...]:
    """Give each axis the distance between two of its elements.

    Parameters
    ----------
    axes
        Names of the axes.
    voxel_size
        One number for all axes of space, one per axis of space, or one per axis.

    Returns
    -------
    tuple of float
        One number per axis; 1 for time and channel when not given.

    Raises
    ------
    ValueError
        If the number of sizes fits neither, or one is not a positive number.

    Examples
    --------
    >>> full_voxel_size("czyx", (2.0, 0.5, 0.5))
    (1.0, 2.0, 0.5, 0.5)
    """
    space = sum(AXIS_TYPES[name] == "space" for name in axes)
    given = [voxel_size] * space if isinstance(voxel_size, int | float) else list(voxel_size)
    if len(given) not in (space, len(axes)):
        raise ValueError(
            f"voxel_size {tuple(given)} has {len(given)} numbers for the axes {tuple(axes)}; "
            f"expected {space}, one per axis of space, or {len(axes)}, one per axis"
        )
    sizes = tuple(float(size) for size in [1.0] * (len(axes) - len(given)) + given)
    if not all(isfinite(size) and size > 0 for size in sizes):
        raise ValueError(f"voxel_size {sizes} has a size that is not above zero; expected lengths")
    return sizes
