"""OME-Zarr: the numbers of every level against brute force, metadata, errors."""

from collections import Counter
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import images

from data_helpers import validate, write_multiscale

AXES = {2: "yx", 3: "zyx", 4: "czyx", 5: "tczyx"}
INTEGERS = ("uint8", "uint16", "uint32", "int16")


# ---- the oracle: one window at a time, in plain Python numbers


def one_value(window: NDArray[Any], method: str) -> Any:
    if method == "nearest":
        return window[tuple((n - 1) // 2 for n in window.shape)]
    values = window.ravel().tolist()
    if method == "mode":
        counts = Counter(values)
        return min(value for value in counts if counts[value] == max(counts.values()))
    if window.dtype.kind == "f":
        return sum(values) / len(values)
    return floor(Fraction(sum(values), len(values)) + Fraction(1, 2))


def brute_force(image: NDArray[Any], factors: tuple[int, ...], method: str) -> NDArray[Any]:
    shape = tuple(-(-n // f) for n, f in zip(image.shape, factors, strict=True))
    level = np.empty(shape, image.dtype)
    for place in np.ndindex(*shape):
        window = tuple(slice(p * f, (p + 1) * f) for p, f in zip(place, factors, strict=True))
        level[place] = one_value(image[window], method)
    return level


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[Any], dict[str, Any]]:
    """An image of two to five axes, and how to write it: ragged everything."""
    ndim = draw(st.integers(2, 5))
    method = draw(st.sampled_from(["mean", "mode", "nearest"]))
    dtype = draw(st.sampled_from(INTEGERS if method == "mode" else (*INTEGERS, "float32")))
    side = {2: 20, 3: 9, 4: 6, 5: 4}[ndim]
    image = draw(images(min_dims=ndim, max_dims=ndim, max_side=side, dtype=dtype))
    if method == "mode":
        image %= 3  # so that values repeat
    space = [name in "zyx" for name in AXES[ndim]]
    per_axis = [draw(st.integers(1, 4)) if is_space else 1 for is_space in space]
    chunks = tuple(draw(st.integers(1 if ndim < 4 else 2, 6)) for _ in space)
    version = draw(st.sampled_from(["0.4", "0.5"]))
    sharded = version == "0.5" and draw(st.booleans())
    return image, {
        "axes": AXES[ndim],
        "voxel_size": draw(st.sampled_from([0.5, 0.3])),
        "method": method,
        "factors": draw(st.sampled_from([2, 3, tuple(per_axis)])),
        "chunks": chunks,
        "shards": tuple(c * draw(st.integers(1, 3)) for c in chunks) if sharded else None,
        "version": version,
        "n_jobs": draw(st.sampled_from([1, 3])),
    }


@given(cases())
def test_every_level_is_what_brute_force_says(case: tuple[NDArray[Any], dict[str, Any]]) -> None:
    image, options = case
    store: dict[str, Any] = {}
    pyramid = write_multiscale(image, store, **options)
    for level, scale in zip(pyramid.levels, pyramid.scales, strict=True):
        factors = tuple(round(s / s0) for s, s0 in zip(scale, pyramid.scales[0], strict=True))
        np.testing.assert_array_equal(level[...], brute_force(image, factors, options["method"]))
    assert validate(store) == []
