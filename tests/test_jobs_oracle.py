"""The oracle: each kind of mistake, planted, is named for what it is."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import chunks_for, edge_modes, images

from data_helpers import jobs
from data_helpers.grid import chunk_slices
from data_helpers.jobs.clues import gap

SHAPE, CHUNKS = (40, 36), (16, 16)


def image(shape: tuple[int, ...] = SHAPE) -> NDArray[np.uint16]:
    return np.random.default_rng(1).integers(0, 2**16, shape, dtype="u2")


def failure(f: Any, **options: Any) -> str:
    """What the oracle says of a function that is wrong in chunks."""
    with pytest.raises(AssertionError) as caught:
        jobs.assert_chunk_invariant(f, **{"shape": SHAPE, "chunks": CHUNKS, **options})
    return str(caught.value)


# --- what is right, is said to be right -----------------------------------------------------------


@settings(deadline=None)
@given(st.data(), images(max_dims=3), edge_modes())
def test_a_filter_with_the_right_depth_and_mode_is_invariant(
    data: st.DataObject, some: NDArray[Any], mode: Any
) -> None:
    if mode == "mirror" and min(some.shape) == 1:
        return  # SciPy leaves the mirror of one element to chance
    size = data.draw(st.sampled_from([1, 3, 5]))
    f = partial(ndi.maximum_filter, size=size, mode=mode)
    result = jobs.run_in_chunks(
        f, some, chunks=data.draw(chunks_for(some.shape)), depth=size // 2, mode=mode
    )
    np.testing.assert_array_equal(result, f(some))


@pytest.mark.parametrize("mode", ["reflect", "mirror", "nearest", "wrap", "constant"])
def test_a_gaussian_needs_the_halo_of_its_kernel(mode: Any) -> None:
    f = partial(ndi.gaussian_filter, sigma=1, truncate=3, mode=mode)
    options: Any = {"mode": mode, "dtype": "f8", "rtol": 1e-12}
    jobs.assert_chunk_invariant(f, depth=3, **options)
    with pytest.raises(AssertionError, match=r"halo of 2 is too small"):
        jobs.assert_chunk_invariant(f, depth=2, **options)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "bool"])
def test_what_treats_each_value_alone_is_invariant(dtype: str) -> None:
    jobs.assert_chunk_invariant(lambda x: ~x if x.dtype.kind != "f" else -x, dtype=dtype)


# --- planted mistakes -----------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "depth"), [(3, 0), (5, 0), (5, 1), (7, 2), (7, 1)])
def test_a_halo_too_small_is_named_with_one_that_is_not(size: int, depth: int) -> None:
    f = partial(ndi.maximum_filter, size=size, mode="nearest")
    said = failure(f, depth=depth)
    missing = size // 2 - depth
    assert f"All errors lie within {missing} of a border between chunks" in said
    assert f"the halo of {depth} is too small; try a depth of {size // 2}" in said
    jobs.assert_chunk_invariant(f, depth=size // 2, shape=SHAPE, chunks=CHUNKS)


def test_the_first_difference_is_shown_with_both_values() -> None:
    f = partial(ndi.maximum_filter, size=3, mode="nearest")
    found = np.random.default_rng(0).integers(0, 2**16, SHAPE, dtype="u2")
    result, expected = jobs.run_in_chunks(f, found, chunks=CHUNKS), f(found)
    first = tuple(int(i) for i in np.argwhere(result != expected)[0])
    count = int((result != expected).sum())
    assert failure(f).startswith(
        f"in chunks the result is another one: {count} of 1440 values differ "
        f"({count / 1440:.1%}), by up to {gap(result, expected).max():g}; the first is at {first}: "
        f"{result[first]} instead of {expected[first]}. "
    )


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x - x.min()) / np.ptp(x),
        lambda x: x / x.mean(),
        lambda x: x - np.median(x),
        lambda x: ((x - x.min()) * 255.0 / np.ptp(x)).astype("u1"),
    ],
)
def test_a_statistic_of_each_chunk_is_named(f: Any) -> None:
    said = failure(f)
    assert "stretched and moved: the function uses a statistic of the chunk" in said
    assert "where it needs that of the whole array; compute it first" in said


@pytest.mark.parametrize("f", [lambda x: np.sort(x, axis=None).reshape(x.shape), np.cumsum])
def test_errors_everywhere_are_those_of_a_global_function(f: Any) -> None:
    said = failure(lambda x: f(x).reshape(x.shape))
    assert "The errors reach the middle of the chunks, 8 from the nearest border" in said
    assert "compute what is global first" in said


@pytest.mark.parametrize(("inside", "outside"), [("wrap", "nearest"), ("constant", "reflect")])
def test_another_edge_mode_is_named(inside: Any, outside: Any) -> None:
    said = failure(partial(ndi.minimum_filter, size=5, mode=inside), depth=2, mode=outside)
    assert "All errors lie within 2 of an edge of the array, none at the borders" in said
    assert "use the same edge mode in both" in said


def test_a_dtype_that_depends_on_the_chunk_is_named() -> None:
    said = failure(lambda x: x.astype("f4") if x.shape == SHAPE else x)
    assert "the dtype is uint16 instead of float32" in said


def test_an_overflow_in_chunks_alone_is_named() -> None:
    def add(x: NDArray[Any]) -> NDArray[Any]:
        return (x + np.uint8(200)).astype("u2") if x.shape != SHAPE else x.astype("u2") + 200

    assert "multiples of 256: an integer overflowed" in failure(add, dtype="u1")


def test_a_function_that_changes_the_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"turned shape \(18, 18\) into \(16, 16\)"):
        jobs.run_in_chunks(lambda x: x[1:-1, 1:-1], image((32, 32)), chunks=(16, 16), depth=1)


def test_a_function_that_changes_its_chunk_is_given_a_copy() -> None:
    def in_place(x: NDArray[Any]) -> NDArray[Any]:
        x[...] = ndi.maximum_filter(x, 3, mode="nearest")
        return x

    jobs.assert_chunk_invariant(in_place, depth=1)


# --- describe_difference on results of any origin -------------------------------------------------

Plant = Callable[[NDArray[Any]], NDArray[Any]]


def swap_two_chunks(x: NDArray[Any]) -> NDArray[Any]:
    result = x.copy()
    result[:16, :16], result[16:32, 16:32] = x[16:32, 16:32], x[:16, :16]
    return result


def leave_one_chunk_out(x: NDArray[Any]) -> NDArray[Any]:
    result = x.copy()
    result[16:32, 16:32] = 0
    return result


def one_value(x: NDArray[Any]) -> NDArray[Any]:
    result = x.copy()
    result[20, 20] ^= 1
    return result


def square(x: NDArray[Any]) -> NDArray[Any]:
    return x[:36, :36]


def noise_around_the_borders(x: NDArray[Any]) -> NDArray[Any]:
    result = x.copy()
    for index in chunk_slices(x.shape, CHUNKS):
        block = result[index]
        kept = block[1:-1, 1:-1].copy()
        block ^= 1
        block[1:-1, 1:-1] = kept
    return result


@pytest.mark.parametrize(
    ("plant", "clue", "advice"),
    [
        (np.copy, "none", "no difference"),
        (swap_two_chunks, "moved", "hold what belongs into other chunks"),
        (lambda x: np.zeros_like(x), "empty", "never written, or written to a copy"),
        (leave_one_chunk_out, "empty", "never written, or written to a copy"),
        (one_value, "few", "1 errors are too few"),
        (lambda x: np.roll(x, 1, axis=0), "shifted", "a few elements away"),
        (lambda x: np.roll(x, -2, axis=1), "shifted", "a few elements away"),
        (lambda x: x.astype("i4") - 65536 * (x > 9), "wrapped", "multiples of 256"),
        (lambda x: x * 2.5 + 1, "factor", "a factor or an offset that is missing"),
        (lambda x: x.astype("u4"), "dtype", "dtype is uint32 instead of uint16"),
        (lambda x: x[:-1], "shape", r"shape (39, 36) instead of (40, 36)"),
        (lambda x: x.T, "axes", "with the axes in the order (1, 0)"),
        (noise_around_the_borders, "borders", "or an edge of the array"),
    ],
)
def test_every_kind_of_mistake_has_its_clue(plant: Plant, clue: str, advice: str) -> None:
    expected = image()
    found = jobs.describe_difference(plant(expected), expected, chunks=CHUNKS)
    assert (found.clue, advice in found.message) == (clue, True), found
    result = plant(expected)
    if result.shape == expected.shape:
        assert found.count == (result != expected).sum()
        assert found.fraction == found.count / expected.size


def test_swapped_axes_of_equal_length_are_named() -> None:
    found = jobs.describe_difference(image((32, 32)).T, image((32, 32)), chunks=(16, 16))
    assert found.clue == "axes"


def test_decimals_that_were_cut_off_are_named() -> None:
    expected = np.random.default_rng(0).random(SHAPE) * 100
    found = jobs.describe_difference(expected.astype("u1"), expected, chunks=CHUNKS)
    assert found.clue == "dtype"
    assert "decimals are lost" in found.message


@settings(deadline=None)
@given(st.data(), st.integers(1, 3))
def test_the_width_of_a_seam_is_measured(data: st.DataObject, width: int) -> None:
    """Brute force: every element whose nearest border is at most `width` away is wrong."""
    shape = data.draw(st.tuples(st.integers(20, 30), st.integers(20, 30)))
    chunks = data.draw(st.tuples(st.integers(9, 14), st.integers(9, 14)))
    expected = image(shape)
    result = expected.copy()
    for element in np.ndindex(*shape):
        for position, length, size in zip(element, shape, chunks, strict=True):
            borders = range(size, length, size)
            if any(b - width <= position < b + width for b in borders):
                result[element] ^= 1
    found = jobs.describe_difference(result, expected, chunks=chunks, depth=2)
    assert (found.clue, found.width) == ("seam", width)
    assert f"try a depth of {2 + width}" in found.message


def test_nan_equals_nan_and_nothing_else() -> None:
    expected = np.array([np.nan, 1.0, 2.0, np.inf])
    assert jobs.describe_difference(expected.copy(), expected, chunks=(2,)).clue == "none"
    for rtol in (0.0, 0.5):
        for result in ([0.0, 1, 2, np.inf], [np.nan, np.nan, 2, np.inf], [np.nan, 1, 2, -np.inf]):
            found = jobs.describe_difference(np.array(result), expected, chunks=(2,), rtol=rtol)
            assert found.count == 1


def test_a_tolerance_is_a_share_of_the_largest_value() -> None:
    expected = np.array([0.0, 50.0, -100.0, 3.0])
    result = expected + np.array([1.0, 0.0, 0.9, 0.0])
    assert jobs.describe_difference(result, expected, chunks=(2,), rtol=0.01).clue == "none"
    found = jobs.describe_difference(result, expected, chunks=(2,), rtol=0.0095)
    assert (found.count, found.first_index, found.largest) == (1, (0,), 1.0)


@pytest.mark.parametrize("value", [False, True])
def test_a_mask_whose_chunk_was_never_written_is_told_so(value: bool) -> None:
    expected = image((32, 32)) > image((32, 32)).mean()
    result = expected.copy()
    result[:16, 16:] = value
    found = jobs.describe_difference(result, expected, chunks=(16, 16))
    assert found.clue == "empty"
    result = expected.copy()
    result[15:17] ^= True
    assert jobs.describe_difference(result, expected, chunks=(16, 16)).clue == "seam"


def test_unsigned_differences_do_not_wrap() -> None:
    one, other = np.array([0, 200], "u1"), np.array([10, 100], "u1")
    found = jobs.describe_difference(one, other, chunks=(1,))
    assert found.largest == 100


def test_empty_arrays_do_not_differ() -> None:
    found = jobs.describe_difference(np.zeros((0, 3)), np.zeros((0, 3)), chunks=(2, 2))
    assert (found.clue, found.fraction) == ("none", 0.0)


def test_one_chunk_alone_has_no_borders() -> None:
    expected = image((12, 12))
    result = expected.copy()
    result[0] ^= 1
    found = jobs.describe_difference(result, expected, chunks=(12, 12))
    assert (found.clue, found.width) == ("edges", 1)
