"""Measure: one row per object, from one pass over the chunks.

::

    chunk A   label 3: 120 voxels, sum of z 480, z from 2 to 7     One chunk knows a part of an
    chunk B   label 3:  30 voxels, sum of z 250, z from 8 to 9     object. Sums add up, and so do
    object 3           150 voxels,          730, z from 2 to 9     smallest and largest values.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.ndimage as ndi
from numpy.typing import NDArray

from data_helpers.jobs.run import Workers
from data_helpers.objects.values import check_labels, codes_and_values
from data_helpers.objects.walk import ask_chunks

__all__ = ["axis_names", "check_voxel_size", "measure"]


def measure(
    labels: Any,
    intensity: Any = None,
    voxel_size: float | Sequence[float] = 1.0,
    *,
    axes: Sequence[str] | None = None,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Measure every object, chunk by chunk, in one pass.

    Parameters
    ----------
    labels
        NumPy, Zarr or Dask array of integers; 0 is background. A Dask array is computed.
    intensity
        An image of the same shape: booleans, integers up to int64, or floats. If both are
        Dask arrays, of the same chunks. None leaves its columns out. Zarr arrays of different
        chunks are read in regions that hold whole chunks of both, up to 32 million voxels;
        above that, chunks of the intensity are read once for each chunk of labels in them.
    voxel_size
        Length of a voxel's sides, in the unit you want: one number, or one per axis.
    axes
        Names of the axes for the columns. By default those of a Zarr array, else the last of
        t, z, y, x.
    n_jobs, backend, progress
        As for `run_jobs`. Dask uses its own scheduler.

    Returns
    -------
    DataFrame
        One row per object, its label as the index, in ascending order. Columns:

        - ``area``: voxels;
        - ``volume``: `area` times the volume of a voxel (an area in two dimensions);
        - ``bbox_z_min``, ``bbox_z_max`` and so on: first voxel, and the one behind the last;
        - ``centroid_z`` and so on: in units of `voxel_size`, from the centre of voxel 0;
        - ``mean``, ``min``, ``max`` of the intensity. NaN in an object makes all three NaN.

        These are the numbers of `skimage.measure.regionprops_table`. Sums of integers are exact.

    Raises
    ------
    TypeError
        If labels are not integers, or intensities are of another kind.
    ValueError
        If shapes or chunks differ or are unknown, or `voxel_size` or `axes` do not fit.

    Examples
    --------
    >>> labels = np.array([[1, 1, 0], [0, 0, 7]])
    >>> table = measure(labels, np.array([[2, 4, 9], [9, 9, 5]]), voxel_size=(2.0, 0.5))
    >>> table[["area", "volume", "centroid_y", "centroid_x", "mean"]].reset_index()
       label  area  volume  centroid_y  centroid_x  mean
    0      1     2     2.0         0.0        0.25   3.0
    1      7     1     1.0         2.0        1.00   5.0
    """
    check_labels(labels)
    _check_intensity(intensity)
    sides = check_voxel_size(voxel_size, len(labels.shape))
    names = axis_names(labels, axes)
    images = [labels] if intensity is None else [labels, intensity]
    parts = ask_chunks(_measure_block, images, Workers(n_jobs, backend, progress))
    table = _merged(parts)
    return _finished(table, names, sides, None if intensity is None else intensity.dtype)


def check_voxel_size(voxel_size: float | Sequence[float], dimensions: int) -> tuple[float, ...]:
    """Give a voxel size as one number per axis.

    Parameters
    ----------
    voxel_size
        One number, or one per axis.
    dimensions
        Number of axes.

    Returns
    -------
    tuple of float
        One per axis.

    Raises
    ------
    ValueError
        If their number is another, or one is not above 0.

    Examples
    --------
    >>> check_voxel_size(0.5, 3)
    (0.5, 0.5, 0.5)
    """
    given = [voxel_size] * dimensions if np.isscalar(voxel_size) else list(voxel_size)  # type: ignore[arg-type]
    sides = tuple(float(side) for side in given)  # type: ignore[arg-type]
    if len(sides) != dimensions:
        raise ValueError(
            f"voxel_size {sides} has {len(sides)} numbers for an image of {dimensions} axes; "
            "expected one per axis, in the order of the axes"
        )
    if not all(0 < side < np.inf for side in sides):
        raise ValueError(f"voxel_size is {sides}; expected lengths above 0")
    return sides


def axis_names(labels: Any, axes: Sequence[str] | None) -> tuple[str, ...]:
    """Give names to axes: those given, those of a Zarr array, or the last of t, z, y, x.

    Parameters
    ----------
    labels
        Any array.
    axes
        The names, if the caller has some.

    Returns
    -------
    tuple of str
        One per axis.

    Raises
    ------
    ValueError
        If their number is not that of the axes, a name is given twice, or nobody knows them.

    Examples
    --------
    >>> axis_names(np.zeros((2, 3, 4)), None)
    ('z', 'y', 'x')
    """
    dimensions = len(labels.shape)
    stored = getattr(getattr(labels, "metadata", None), "dimension_names", None)
    if axes is None and stored is not None and all(stored):
        axes = stored
    names = tuple("tzyx"[-dimensions:] if axes is None else axes)
    if len(names) != dimensions or len(set(names)) != dimensions:
        raise ValueError(
            f"axes {names} for an image of {dimensions} axes; expected axes=..., one name per "
            "axis, each once"
        )
    return names


def _check_intensity(intensity: Any) -> None:
    """Refuse what cannot be added up exactly, or at all."""
    if intensity is None:
        return
    dtype = np.dtype(intensity.dtype)
    if dtype.kind not in "biuf" or dtype == np.uint64:
        raise TypeError(
            f"the intensities are {dtype}; expected booleans, integers up to int64, or floats: "
            "convert with astype, such as astype('int64')"
        )


def _measure_block(
    origin: Sequence[int], labels: NDArray[Any], intensity: NDArray[Any] | None = None
) -> pd.DataFrame:
    """Measure what one block holds of objects; columns are numbered by axis."""
    inside = np.flatnonzero(labels)
    codes, values = codes_and_values(labels.ravel()[inside])
    local = np.zeros(labels.shape, np.int32)
    local.ravel()[inside] = codes + 1
    area = np.bincount(codes, minlength=len(values))
    boxes = ndi.find_objects(local) if len(values) else []
    columns: dict[str, NDArray[Any]] = {"label": values, "area": area}
    for axis, (start, place) in enumerate(
        zip(origin, np.unravel_index(inside, labels.shape), strict=True)
    ):
        columns[f"low_{axis}"] = start + np.array([box[axis].start for box in boxes], np.int64)
        columns[f"high_{axis}"] = start + np.array([box[axis].stop for box in boxes], np.int64)
        columns[f"sum_{axis}"] = start * area + _whole_sums(codes, place, len(values))
    if intensity is not None:
        columns |= _intensity_columns(codes, intensity.ravel()[inside], len(values))
    return pd.DataFrame(columns)


def _intensity_columns(
    codes: NDArray[np.intp], values: NDArray[Any], count: int
) -> dict[str, NDArray[Any]]:
    """Sum, smallest and largest value of each object; NaN spreads."""
    if values.dtype.kind == "f":
        sums: NDArray[Any] = np.bincount(codes, weights=values, minlength=count)
    else:
        sums = _whole_sums(codes, values, count)
    first = np.zeros(count, values.dtype)
    first[codes] = values  # any value of the object is one to begin with
    low, high = first, first.copy()
    with np.errstate(invalid="ignore"):  # NaN is meant to spread
        np.minimum.at(low, codes, values)
        np.maximum.at(high, codes, values)
    return {"sum": sums, "min": low, "max": high}


def _whole_sums(codes: NDArray[np.intp], values: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Add up integers for each code, 16 bits at a time: `bincount` is exact up to 2 ** 53."""
    rest = values.astype(np.int64)
    sums = np.bincount(codes, weights=rest & 0xFFFF, minlength=count).astype(np.int64)
    for bits, part in ((16, (rest >> 16) & 0xFFFF), (32, rest >> 32)):
        if part.any():
            sums += np.bincount(codes, weights=part, minlength=count).astype(np.int64) << bits
    return sums


def _merged(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put together what all blocks say of each object."""
    rows = pd.concat(parts, ignore_index=True)
    codes, labels = codes_and_values(rows["label"].to_numpy())
    columns: dict[str, NDArray[Any]] = {}
    for name in rows.columns.drop("label"):
        values = rows[name].to_numpy()
        merge = _MERGE[str(name).split("_")[0]]
        merged = np.zeros(len(labels), values.dtype)
        if merge is not np.add:
            merged[codes] = values  # any value of the object is one to begin with
        with np.errstate(invalid="ignore"):  # NaN is meant to spread, which pandas leaves out
            merge.at(merged, codes, values)
        columns[str(name)] = merged
    return pd.DataFrame(columns, index=pd.Index(labels, name="label"))


_MERGE: dict[str, np.ufunc] = {
    "area": np.add,
    "sum": np.add,
    "low": np.minimum,
    "min": np.minimum,
    "high": np.maximum,
    "max": np.maximum,
}


def _finished(
    table: pd.DataFrame, names: Sequence[str], sides: Sequence[float], dtype: Any
) -> pd.DataFrame:
    """Turn sums into means, and voxels into lengths."""
    area = table["area"]
    columns = {"area": area, "volume": area * float(np.prod(sides))}
    for axis, name in enumerate(names):
        columns[f"bbox_{name}_min"] = table[f"low_{axis}"]
        columns[f"bbox_{name}_max"] = table[f"high_{axis}"]
    for axis, (name, side) in enumerate(zip(names, sides, strict=True)):
        columns[f"centroid_{name}"] = table[f"sum_{axis}"] / area * side
    if dtype is not None:
        columns["mean"] = table["sum"] / area
        columns |= {name: table[name].astype(dtype) for name in ("min", "max")}
    return pd.DataFrame(columns)
