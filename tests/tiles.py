"""Images cut into named tiles, for the tests of stitching: in memory, read from a dictionary."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import images

AXES = "abcde"


@dataclass
class CutImage:
    """An image, and the tiles it was cut into: a tile's path stands for its file."""

    image: NDArray[Any]
    tiles: dict[str, NDArray[Any]]
    places: dict[str, tuple[slice, ...]]
    pattern: str
    axes: tuple[str, ...]
    values: dict[str, list[int]]
    chunks: tuple[tuple[int, ...], ...]
    order: list[str]

    @property
    def reader(self) -> Callable[[str], NDArray[Any]]:
        return self.tiles.__getitem__


@st.composite
def cut_images(draw: st.DrawFn, *, ragged: bool = True, min_dims: int = 1) -> CutImage:
    """An image of up to four axes in tiles: stacked or concatenated, ragged, any names, any order.

    Some axes have no field: there, a tile has the whole length. Names are numbers that neither
    start at zero nor follow one another, some negative, padded or not.
    """
    image = draw(images(min_dims=min_dims, max_dims=4, max_side=6))
    stacked = draw(st.integers(0, image.ndim - 1))
    axes = tuple(AXES[: image.ndim])
    chunks: list[tuple[int, ...]] = []
    values: dict[str, list[int]] = {}
    for axis, length in enumerate(image.shape):
        if axis < stacked:
            sizes = [1] * length
        elif draw(st.booleans()):
            sizes = draw(_cuts(length, ragged))
        else:
            chunks.append((length,))
            continue
        chunks.append(tuple(sizes))
        numbers = st.lists(
            st.integers(-20, 1200), min_size=len(sizes), max_size=len(sizes), unique=True
        )
        values[axes[axis]] = sorted(draw(numbers))
    if not values:
        values[axes[-1]] = [draw(st.integers(0, 99))]
    width = draw(st.sampled_from(["", "04"]))
    pattern = "_".join(f"{axis}{{{axis}:{width.replace('4', '3')}d}}" for axis in values) + ".tif"

    tiles, places = {}, {}
    borders = [np.cumsum([0, *sizes]).tolist() for sizes in chunks]
    for at in product(*(range(len(sizes)) for sizes in chunks)):
        place = tuple(slice(edge[n], edge[n + 1]) for edge, n in zip(borders, at, strict=True))
        fields = {axis: values[axis][at[axes.index(axis)]] for axis in values}
        path = "run/" + "_".join(f"{axis}{fields[axis]:{width}d}" for axis in values) + ".tif"
        places[path] = place
        tiles[path] = image[place].reshape(image[place].shape[stacked:])
    order = draw(st.permutations(list(tiles)))
    return CutImage(image, tiles, places, pattern, axes, values, tuple(chunks), order)


@st.composite
def _cuts(draw: st.DrawFn, length: int, ragged: bool) -> list[int]:
    """Sizes that add up to a length: any, or equal ones."""
    if not ragged:
        size = draw(st.sampled_from([n for n in range(1, length + 1) if length % n == 0]))
        return [size] * (length // size)
    inner = draw(st.sets(st.integers(1, length - 1), max_size=3)) if length > 1 else set()
    return [int(size) for size in np.diff([0, *sorted(inner), length])]
