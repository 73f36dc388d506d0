"""Hypothesis strategies shared by the tests: ragged shapes, odd chunks, dtypes, edge modes."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

# Tests say what is right, never how fast: a busy machine must not fail them.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("shared"), max_examples=8)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "shared"))  # `make quick` sets it

EDGE_MODES = ("reflect", "mirror", "nearest", "wrap", "constant")
DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")


def shapes(
    *, min_dims: int = 1, max_dims: int = 3, min_side: int = 1, max_side: int = 9
) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes whose sides are small enough for brute force, seldom multiples of anything."""
    return npst.array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    )


def chunks_for(shape: Sequence[int]) -> st.SearchStrategy[tuple[int, ...]]:
    """One chunk size per axis: from one element to larger than the axis."""
    return st.tuples(*(st.integers(1, length + 2) for length in shape))


@st.composite
def irregular_chunks_for(draw: st.DrawFn, shape: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """All chunk sizes along each axis, as Dask gives them; now and then a size of zero."""
    chunks = []
    for length in shape:
        inside = st.integers(0, length)
        borders = sorted([0, *draw(st.lists(inside, max_size=3)), length])
        chunks.append(tuple(int(size) for size in np.diff(borders)))
    return tuple(chunks)


@st.composite
def shapes_and_chunks(
    draw: st.DrawFn, *, min_dims: int = 1, max_dims: int = 3, min_side: int = 1, max_side: int = 9
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A shape, and chunks that need not divide it."""
    shape = draw(shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side))
    return shape, draw(chunks_for(shape))


@st.composite
def indices_in(draw: st.DrawFn, shape: Sequence[int]) -> tuple[slice, ...]:
    """A region that is not empty, anywhere inside an array."""
    index = []
    for length in shape:
        start = draw(st.integers(0, length - 1))
        index.append(slice(start, draw(st.integers(start + 1, length))))
    return tuple(index)


def dtypes(names: Sequence[str] = DTYPES) -> st.SearchStrategy[np.dtype[Any]]:
    """The dtypes images come in."""
    return st.sampled_from([np.dtype(name) for name in names])


def edge_modes() -> st.SearchStrategy[str]:
    """SciPy's words for what lies outside an array."""
    return st.sampled_from(EDGE_MODES)


@st.composite
def images(
    draw: st.DrawFn,
    *,
    min_dims: int = 1,
    max_dims: int = 3,
    min_side: int = 1,
    max_side: int = 9,
    dtype: np.dtype[Any] | str | None = None,
) -> NDArray[Any]:
    """Random images that use the whole range of an integer dtype, or [-1, 1] for floats."""
    shape = draw(shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side))
    kind = np.dtype(dtype) if dtype is not None else draw(dtypes())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if kind.kind == "f":
        return rng.uniform(-1, 1, shape).astype(kind)
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)
