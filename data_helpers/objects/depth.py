"""How deep a halo must be, so that every object of a chunk lies whole inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from data_helpers.components import label_lazily
from data_helpers.jobs.run import Workers
from data_helpers.objects.values import codes_and_values
from data_helpers.objects.walk import ask_chunks

__all__ = ["depth_needed"]


def depth_needed(binary: da.Array) -> tuple[int, ...]:
    """Say how deep a halo must be for every object of a chunk to lie whole inside.

    Parameters
    ----------
    binary
        Dask array of booleans or integers; everything that is not 0 is object. It is computed,
        twice, as by `label`.

    Returns
    -------
    tuple of int
        The smallest depth for each axis: as far as objects reach out of chunks, and one voxel of
        background more where the image goes on.

    Raises
    ------
    TypeError
        If `binary` is no Dask array, or holds floats.

    Examples
    --------
    The second object reaches two voxels out of the first chunk, and the voxel behind them shows
    that it ends there:

    >>> depth_needed(da.from_array(np.array([1, 0, 1, 1, 1, 0]), chunks=3))
    (3,)
    """
    if not isinstance(binary, da.Array):
        raise TypeError(
            f"the image is a {type(binary).__name__}; expected a Dask array, whose chunks count: "
            "dask.array.from_zarr(binary) makes one"
        )
    boxes = ask_chunks(_boxes, [label_lazily(binary, binary.ndim)], Workers())
    count = max((int(box.labels.max(initial=0)) for box in boxes), default=0)
    low = np.tile(np.array(binary.shape), (count + 1, 1))
    high = np.zeros((count + 1, binary.ndim), np.int64)
    for box in boxes:
        low[box.labels] = np.minimum(low[box.labels], box.low)
        high[box.labels] = np.maximum(high[box.labels], box.high)
    # One voxel of background shows that an object ends; the edge of the image does, too.
    low -= low > 0
    high += high < binary.shape
    depth = np.zeros(binary.ndim, np.int64)
    for box in boxes:
        before, after = box.start - low[box.labels], high[box.labels] - box.stop
        depth = np.max([depth, *before, *after], axis=0)
    return tuple(int(along) for along in depth)


@dataclass(frozen=True)
class _Boxes:
    """Where a chunk is, which objects it holds, and where they begin and end inside it."""

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    labels: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def _boxes(origin: Sequence[int], labels: NDArray[Any]) -> _Boxes:
    """Find the boxes of all objects in one chunk."""
    start = np.array(origin)
    codes, values = codes_and_values(labels.ravel())
    found = ndi.find_objects(codes.reshape(labels.shape) + 1) if labels.size else []
    places = np.array([[(part.start, part.stop) for part in box] for box in found], np.int64)
    low, high = start + places.reshape(-1, labels.ndim, 2).transpose(2, 0, 1)
    inside = values != 0
    return _Boxes(
        start, start + labels.shape, values[inside].astype(np.int64), low[inside], high[inside]
    )
