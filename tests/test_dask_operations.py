"""Dask operations: lazy, in the chunks that were given, and equal to the whole image."""

from collections.abc import Callable
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from dask.highlevelgraph import HighLevelGraph
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import irregular_chunks_for

from data_helpers.dask_operations import (
    apply_mask,
    background_ratio,
    edge_map,
    gaussian_filter,
    global_percentiles,
    normalize_intensity,
    otsu_threshold,
    richardson_lucy,
    segment,
)

PSF = np.outer([1, 2, 1], [1, 4, 1])


def lazy(image: NDArray[Any], chunks: Any) -> da.Array:
    return da.from_array(image, chunks=chunks)


@st.composite
def chunked(draw: st.DrawFn, image: NDArray[Any]) -> da.Array:
    """An image as a Dask array whose chunks are of any sizes, 0 among them."""
    return lazy(image, draw(irregular_chunks_for(image.shape)))


# --- What is declared is what is computed, and nothing before it is asked for ---------------------

Operation = Callable[[da.Array], da.Array]
OPERATIONS: dict[str, Operation] = {
    "gaussian": lambda x: gaussian_filter(x, 1.0),
    "gaussian mirror": lambda x: gaussian_filter(x, (2, 0.5), mode="mirror"),
    "normalize percentiles": lambda x: normalize_intensity(x),
    "normalize limits": lambda x: normalize_intensity(x, limits=(2, 30)),
    "normalize lazy limits": lambda x: normalize_intensity(x, limits=(x.min(), x.max())),
    "global percentiles": lambda x: global_percentiles(x, (5, 50, 95)),
    "otsu": otsu_threshold,
    "ratio": lambda x: background_ratio(x, x[0], 3),
    "ratio of three": lambda x: background_ratio(x, x, x[-1]),
    "mask": lambda x: apply_mask(x, x[0] > 20),
    "edges": lambda x: edge_map(x, low=0.1, high=0.2),
    "segment": lambda x: segment(x, min_size=3),
    "segment all": lambda x: segment(x, sigma=0),
    "richardson-lucy": lambda x: richardson_lucy(x, PSF, 2),
}
CHUNKS = ((5, 1, 3), (4, 6))


def declared(kind: str, chunks: Any) -> da.Array:
    """A random image, 0 to 39; floats 0 to 1."""
    image = np.random.default_rng(3).integers(0, 40, (9, 10))
    return lazy((image / 40 if kind[0] == "f" else image).astype(kind), chunks)


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_declared_is_what_is_computed(name: str, kind: str) -> None:
    result = OPERATIONS[name](declared(kind, CHUNKS))
    assert isinstance(result._meta, np.ndarray)
    assert result._meta.dtype == result.dtype
    assert result._meta.ndim == result.ndim
    places = list(np.ndindex(*result.numblocks))
    parts: Any = dask.compute(*(result.blocks[at] if at else result for at in places))
    for place, part in zip(places, parts, strict=True):
        assert part.dtype == result.dtype
        assert part.shape == tuple(n[at] for n, at in zip(result.chunks, place, strict=True))
    if result.ndim == 2:
        assert result.chunks == CHUNKS, "nothing was rechunked"


@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_is_computed_while_a_graph_is_built(name: str) -> None:
    def fails(_: Any) -> Any:
        raise AssertionError("computed")

    source = declared("float32", CHUNKS).map_blocks(fails, meta=np.empty((0, 0), "f4"))
    result = OPERATIONS[name](source)
    assert isinstance(result.dask, HighLevelGraph)
    with pytest.raises(AssertionError, match="computed"):
        result.compute()


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_same_call_gives_the_same_name_and_another_image_another(name: str) -> None:
    first, again = (OPERATIONS[name](declared("float32", CHUNKS)) for _ in range(2))
    assert first.name == again.name
    other = OPERATIONS[name](declared("float64", CHUNKS))
    assert first.name != other.name
