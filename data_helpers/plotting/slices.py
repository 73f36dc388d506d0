"""One slice of a volume, and nothing read but that slice."""

from collections.abc import Iterable, Sequence
from operator import index as as_int
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from data_helpers.plotting.look import (
    INTENSITY_CMAP,
    add_colorbar,
    given_or_new,
    image_figure,
    styled,
)
from data_helpers.plotting.words import unit_text

__all__ = ["plot_slice"]

Names = tuple[str | None, ...]


@styled
def plot_slice(
    array: Any,
    *,
    z_idx: int,
    z_axis: int | str | None = None,
    axes: Sequence[str] | None = None,
    ax: Axes | None = None,
    cmap: str = INTENSITY_CMAP,
    vmin: float | None = None,
    vmax: float | None = None,
    voxel_size: float | Sequence[float] | None = None,
    unit: str | None = None,
    title: str | None = None,
    colorbar: bool = True,
) -> Axes:
    """Show one slice of a volume, reading only that slice.

    The axis called z is cut, wherever the array says it is: in the dimension names of Zarr 3, in
    the attribute ``_ARRAY_DIMENSIONS`` of Zarr 2, or in the dimensions of an xarray DataArray. An
    array without names is cut along axis 0. Where x and y are known, x runs to the right and y
    down; else the two other axes become rows and columns in their order.

    Parameters
    ----------
    array
        A volume with three axes and any numeric dtype: NumPy, Zarr, Dask, or an xarray DataArray.
    z_idx
        Which slice, as Python counts: the last is -1.
    z_axis
        The axis to cut, by position or by name, instead of the one called z.
    axes
        Name of each axis, such as ``"xyz"``, for an array that does not carry names, or carries
        wrong ones.
    ax
        Where to draw; a new figure if not given.
    cmap, vmin, vmax
        Colour map, and the values at its ends; the slice's own least and greatest if not given.
    voxel_size
        Distance between neighbouring voxels: one number, or one per axis of `array`. The
        slice then has its true proportions.
    unit
        Unit of `voxel_size`, such as ``"micrometer"``; needed with it.
    title
        Without it, the title says which slice this is.
    colorbar
        Whether to draw the scale of values.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    IndexError
        If the array has no slice `z_idx`.
    ValueError
        If the array does not have three axes, has no axis `z_axis`, or names, voxel size and unit
        do not fit.

    Examples
    --------
    >>> volume = np.arange(24).reshape(2, 3, 4)
    >>> ax = plot_slice(volume, z_idx=1, voxel_size=(0.5, 1, 1), unit="micrometer")
    >>> ax.get_title(loc="left"), ax.get_xlabel()
    ('z = 1 of 0 to 1, at 0.5 µm', 'x (µm)')
    >>> int(ax.images[0].get_array().min())
    12
    """
    names = _names(array, axes)
    _check_three_axes(array, names)
    z = _axis_to_cut(names, z_axis)
    index = _checked_index(z_idx, array.shape[z], z, names)
    sizes = _checked_sizes(voxel_size, unit)
    plane, rows, columns = _read_plane(array, names, z, index)

    extent = _extent(plane.shape, sizes[rows], sizes[columns])
    ax = given_or_new(ax, *image_figure(extent[2] - extent[3], extent[1] - extent[0]))
    shown = ax.imshow(plane, cmap=cmap, vmin=vmin, vmax=vmax, extent=extent)
    called = _called(names, z)
    written = "voxels" if unit is None else unit_text(unit)
    ax.set(xlabel=f"{called[columns]} ({written})", ylabel=f"{called[rows]} ({written})")
    place = "" if unit is None else f", at {index * sizes[z]:.4g} {written}"
    own_title = f"{called[z]} = {index} of 0 to {array.shape[z] - 1}{place}"
    ax.set_title(own_title if title is None else title)
    if colorbar:
        add_colorbar(ax, shown, f"value ({array.dtype})")
    return ax


def _read_plane(array: Any, names: Names, z: int, index: int) -> tuple[NDArray[Any], int, int]:
    """Read one slice; give it with the axes that became its rows and columns."""
    cut: tuple[slice | int, ...] = tuple(index if axis == z else slice(None) for axis in range(3))
    plane = np.asarray(array[cut])
    if plane.dtype == bool:
        plane = plane.view(np.uint8)  # so that the scale shows 0 and 1
    rows, columns = (axis for axis in range(3) if axis != z)
    if (names[rows], names[columns]) in {("x", "y"), ("x", "z"), ("y", "z")}:
        return plane.T, columns, rows
    return plane, rows, columns


def _names(array: Any, axes: Sequence[str] | None) -> Names:
    """Name of each axis: as given, else as the array says, else None."""
    dimensions = len(array.shape)
    names = tuple(_own_names(array) or (None,) * dimensions) if axes is None else tuple(axes)
    if len(names) != dimensions:
        raise ValueError(
            f"axes {names} names {len(names)} axes, but the array has {dimensions}; "
            "give one name per axis"
        )
    return names


def _own_names(array: Any) -> Iterable[str | None] | None:
    """Find the names that an array carries: as xarray, Zarr 3 or Zarr 2 write them."""
    written: Iterable[str | None] | None = (
        getattr(array, "dims", None)
        or getattr(getattr(array, "metadata", None), "dimension_names", None)
        or getattr(array, "attrs", {}).get("_ARRAY_DIMENSIONS")
    )
    return written


def _check_three_axes(array: Any, names: Names) -> None:
    """Refuse what has no slices, or has more than one slice for an index."""
    count = len(names)
    if count == 3:
        return
    named = f" ({', '.join(map(str, names))})" if any(names) else ""
    if count > 3:
        zeros = ", ".join(["0"] * (count - 3))
        advice = (
            f"choose one position on {count - 3} of them first, such as array[{zeros}]; for a Zarr "
            f"array dask.array.from_zarr(array)[{zeros}], which reads nothing yet"
        )
    else:
        advice = "show a plane as the volume of one slice: array[:][numpy.newaxis] with z_idx=0"
    raise ValueError(f"the array has {count} axes{named}, expected 3: {advice}")


def _axis_to_cut(names: Names, z_axis: int | str | None) -> int:
    """Position of the axis to cut: the one asked for, else the one named z, else the first."""
    if z_axis is None:
        return names.index("z") if "z" in names else 0
    if isinstance(z_axis, str) and z_axis in names:
        return names.index(z_axis)
    if not isinstance(z_axis, str) and -3 <= z_axis < 3:
        return as_int(z_axis) % 3
    known = ", ".join(repr(name) for name in names if name) or "none: the array has no names"
    raise ValueError(
        f"z_axis is {z_axis!r}; expected a position from 0 to 2, or a name (here {known})"
    )


def _checked_index(z_idx: int, length: int, axis: int, names: Names) -> int:
    """Turn an index that may count from the end into one from the start."""
    index = as_int(z_idx)
    if -length <= index < length:
        return index % length
    called = f"axis {axis}" + (f" ({names[axis]!r})" if names[axis] else "")
    raise IndexError(
        f"z_idx is {index}, but {called} has {length} slices: expected {-length} to {length - 1}. "
        "To cut another axis, give z_axis=0, 1 or 2, or its name"
    )


def _checked_sizes(
    voxel_size: float | Sequence[float] | None, unit: str | None
) -> tuple[float, ...]:
    """Voxel size along each axis, 1 where none is known."""
    if (voxel_size is None) != (unit is None):
        raise ValueError(
            f"voxel_size is {voxel_size!r} and unit is {unit!r}; give both, as in "
            "voxel_size=(0.29, 0.26, 0.26), unit='micrometer', or none"
        )
    sizes = np.ravel(1.0 if voxel_size is None else voxel_size).tolist()
    if len(sizes) not in {1, 3} or not all(0 < size < np.inf for size in sizes):
        raise ValueError(f"voxel_size is {voxel_size}; expected 1 number above 0, or 3")
    return tuple(sizes * 3)[:3]


def _extent(
    shape: tuple[int, ...], row_size: float, column_size: float
) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of an image whose first voxel has its centre at 0."""
    rows, columns = shape
    return (
        -0.5 * column_size,
        (columns - 0.5) * column_size,
        (rows - 0.5) * row_size,
        -0.5 * row_size,
    )


def _called(names: Names, cut: int) -> tuple[str, ...]:
    """Choose what to call the axes: z, y, x without names, unless another than z is cut."""
    own = "zyx" if cut == 0 else ("axis 0", "axis 1", "axis 2")
    return tuple(name or other for name, other in zip(names, own, strict=True))
