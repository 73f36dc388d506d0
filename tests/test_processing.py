"""Processing chunk by chunk: every result against the whole array in NumPy and SciPy."""

import re
from fractions import Fraction
from functools import cache, partial
from math import floor, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.ndimage as ndi
import skimage.filters
import zarr
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import EDGE_MODES, chunks_for, images, indices_in, shapes

from data_helpers import jobs
from data_helpers.processing import (
    chunkwise_histogram,
    convolve,
    downsample,
    gaussian,
    gaussian_depth,
    kernel_depth,
    map_with_halo,
    otsu_from_histogram,
    read_with_halo,
    upsample,
)
from data_helpers.processing.values import half_up

KINDS = ("numpy", "zarr 2", "zarr 3", "sharded")
INTEGERS = ("uint8", "int8", "int16", "uint16", "int32", "uint32")
FLOATS = ("float32", "float64")


def make(kind: str, data: NDArray[Any], chunks: tuple[int, ...], store: Any = None) -> Any:
    """An array of each kind that may be read or written."""
    if kind == "numpy":
        return data.copy()
    array = zarr.create_array(
        {} if store is None else store,
        shape=data.shape,
        chunks=chunks,
        shards=tuple(2 * size for size in chunks) if kind == "sharded" else None,
        dtype=data.dtype,
        zarr_format=2 if kind == "zarr 2" else 3,
    )
    array[...] = data
    return array


def images_of_up_to_four_axes(
    dtype: Any, *, max_side: int = 9, fourth: int = 4
) -> st.SearchStrategy[Any]:
    """Images of up to three axes, or of four short ones: t or c, z, y and x."""
    four = images(min_dims=4, max_dims=4, max_side=fourth, dtype=dtype)
    return images(max_side=max_side, dtype=dtype) | four


def holding(dtype: Any) -> st.SearchStrategy[str]:
    """Dtypes that hold every value of another."""
    return st.sampled_from([name for name in (*INTEGERS, *FLOATS) if np.can_cast(dtype, name)])


def few_chunks_for(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[int, ...]]:
    """Chunks from a third of an axis to more than all of it: a thousand would take long."""
    return st.tuples(*(st.integers(-(-length // 3), length + 2) for length in shape))


@st.composite
def pairs(
    draw: st.DrawFn, image: NDArray[Any], shape: tuple[int, ...], dtype: Any
) -> tuple[Any, Any, dict[str, Any]]:
    """An input of some kind, an output of another, and how to run."""
    source = make(draw(st.sampled_from(KINDS)), image, draw(few_chunks_for(image.shape)))
    kind = draw(st.sampled_from(KINDS))
    chunks = draw(few_chunks_for(shape))
    output = make(kind, np.zeros(shape, dtype), chunks)
    options: dict[str, Any] = {"n_jobs": draw(st.sampled_from([1, 2]))}
    if kind == "numpy":
        options["chunks"] = chunks
    return source, output, options


def whole(output: Any) -> NDArray[Any]:
    return np.asarray(output[...])


# --- downsample: one window at a time, in exact fractions -----------------------------------------


def window_value(window: NDArray[Any], method: str, dtype: Any) -> Any:
    if method == "max":
        return window.max()
    if method == "min":
        return window.min()
    if method == "nearest":
        return window[tuple((n - 1) // 2 for n in window.shape)]
    values = window.ravel().tolist()
    if method == "mode":
        return min(values, key=lambda value: (-values.count(value), value))
    return stored(sum(map(Fraction, values)) / len(values), dtype)


def stored(value: Fraction, dtype: Any) -> Any:
    """Rounded half up by whole numbers, and kept by floats."""
    return floor(value + Fraction(1, 2)) if np.dtype(dtype).kind in "iu" else float(value)


def shrunk(image: NDArray[Any], factors: tuple[int, ...], method: str, dtype: Any) -> NDArray[Any]:
    shape = tuple(-(-n // f) for n, f in zip(image.shape, factors, strict=True))
    small = np.empty(shape, dtype)
    for place in np.ndindex(*shape):
        window = tuple(slice(p * f, (p + 1) * f) for p, f in zip(place, factors, strict=True))
        small[place] = window_value(image[window], method, dtype)
    return small


@pytest.mark.slow
@given(st.data())
def test_every_downsampled_voxel_is_that_of_its_window(data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(["mean", "mode", "nearest", "max", "min"]))
    dtype = data.draw(st.sampled_from(INTEGERS if method == "mode" else (*INTEGERS, *FLOATS)))
    image = data.draw(images_of_up_to_four_axes(dtype))
    if method == "mode":
        image %= 3  # so that values repeat
    factors = tuple(data.draw(st.integers(1, 4)) for _ in image.shape)
    floats = st.sampled_from(FLOATS)  # any of them may hold a mean
    wanted = data.draw(holding(dtype) | floats if method == "mean" else holding(dtype))
    expected = shrunk(image, factors, method, wanted)
    source, output, options = data.draw(pairs(image, expected.shape, wanted))
    downsample(source, output, factors, method=method, **options)
    tolerance = {"float32": 1e-6, "float64": 1e-13}.get(wanted, 0)
    np.testing.assert_allclose(whole(output), expected, rtol=tolerance, atol=tolerance)
    assert output.dtype == expected.dtype


def test_the_mean_of_whole_numbers_keeps_its_decimals_in_a_float_output() -> None:
    output = np.zeros((2, 1))
    downsample(np.array([[1, 2], [4, 4], [7, 8]], "u1"), output, 2, chunks=(1, 1))
    assert output.tolist() == [[2.75], [7.5]]


def test_means_of_the_largest_integers_do_not_wrap() -> None:
    for dtype in INTEGERS:
        for value in (np.iinfo(dtype).max, np.iinfo(dtype).min):
            output = np.zeros((2, 2, 2), dtype)
            downsample(np.full((8, 8, 8), value, dtype), output, 4, chunks=(1, 1, 1))
            assert (output == value).all()


def test_nan_stays_in_its_window_when_downsampled() -> None:
    image = np.array([1.0, np.nan, 3.0, 4.0, 5.0])
    for method in ("mean", "max", "min"):
        output = np.zeros(3)
        downsample(image, output, 2, method=method, chunks=(2,))  # type: ignore[arg-type]
        assert np.isnan(output).tolist() == [True, False, False]


# --- upsample: one voxel at a time, in exact fractions --------------------------------------------


def enlarged_value(
    image: NDArray[Any], place: tuple[int, ...], factors: tuple[int, ...]
) -> Fraction:
    """Weigh all neighbours of the voxel's centre, which may be up to 2 ** ndim."""
    centre = [Fraction(2 * p + 1 - f, 2 * f) for p, f in zip(place, factors, strict=True)]
    total = Fraction(0)
    for corner in np.ndindex(*(2,) * image.ndim):
        at = [floor(c) + k for c, k in zip(centre, corner, strict=True)]
        weight = prod(1 - abs(c - a) for c, a in zip(centre, at, strict=True))
        inside = tuple(min(max(a, 0), n - 1) for a, n in zip(at, image.shape, strict=True))
        total += weight * Fraction(image[inside].item())
    return total


def enlarged(
    image: NDArray[Any], factors: tuple[int, ...], shape: tuple[int, ...], order: int, dtype: Any
) -> NDArray[Any]:
    large = np.empty(shape, dtype)
    for place in np.ndindex(*shape):
        inside = tuple(p // f for p, f in zip(place, factors, strict=True))
        large[place] = (
            stored(enlarged_value(image, place, factors), dtype) if order else image[inside]
        )
    return large


@pytest.mark.slow
@given(st.data())
def test_every_upsampled_voxel_lies_where_its_centre_is(data: st.DataObject) -> None:
    order = data.draw(st.sampled_from([0, 1]))
    dtype = data.draw(st.sampled_from((*INTEGERS, *FLOATS)))
    image = data.draw(images_of_up_to_four_axes(dtype, max_side=5, fourth=2))
    factors = tuple(data.draw(st.integers(1, 4 if image.ndim < 4 else 3)) for _ in image.shape)
    shape = tuple(
        n * f - data.draw(st.integers(0, f - 1)) for n, f in zip(image.shape, factors, strict=True)
    )
    floats = st.sampled_from(FLOATS)  # any of them may hold what lies in between
    wanted = data.draw(holding(dtype) | floats if order else holding(dtype))
    source, output, options = data.draw(pairs(image, shape, wanted))
    upsample(source, output, factors, order=order, **options)
    expected = enlarged(image, factors, shape, order, wanted)
    tolerance = {"float32": 1e-6, "float64": 1e-13}.get(wanted, 0)
    np.testing.assert_allclose(whole(output), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("factor", [2, 3])
def test_upsampling_is_scipys_zoom_on_voxel_centres(order: Any, factor: int) -> None:
    image = np.random.default_rng(0).random((7, 5, 6))
    output = np.zeros([n * factor for n in image.shape])
    upsample(image, output, factor, order=order, chunks=(4, 7, 5))
    expected = ndi.zoom(image, factor, order=order, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(output, expected, atol=1e-12)


@pytest.mark.slow
@given(st.data())
def test_downsampling_undoes_upsampling(data: st.DataObject) -> None:
    image = data.draw(images(dtype="uint16"))
    factors = tuple(data.draw(st.integers(1, 3)) for _ in image.shape)
    large = np.zeros([n * f for n, f in zip(image.shape, factors, strict=True)], "u2")
    back = np.zeros_like(image)
    upsample(image, large, factors, chunks=data.draw(chunks_for(large.shape)))
    downsample(large, back, factors, chunks=data.draw(chunks_for(back.shape)))
    np.testing.assert_array_equal(back, image)


def test_a_ramp_keeps_its_place_through_both() -> None:
    """A voxel's value is where its centre lies: it must not move, whatever the factor."""
    ramp = np.arange(40, dtype="f8")
    for factor in (2, 3, 4):
        small, large = np.zeros(-(-40 // factor)), np.zeros(40)
        downsample(ramp, small, factor, chunks=(5,))
        assert small[0] == (factor - 1) / 2
        upsample(small, large, factor, order=1, chunks=(7,))
        inner = slice(factor, 40 - 2 * factor)
        np.testing.assert_allclose(large[inner], ramp[inner], atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_spreads_no_further_than_its_weight(value: float) -> None:
    output = np.zeros(9)
    upsample(np.array([1.0, value, 3.0]), output, 3, order=1, chunks=(4,))
    assert (~np.isfinite(output)).tolist() == [False, False, *[True] * 5, False, False]


# --- filters: SciPy on the whole array, in floats, rounded once -----------------------------------


def possible(image: NDArray[Any], mode: str) -> bool:
    """SciPy leaves the mirror of one element to chance."""
    return mode != "mirror" or min(image.shape) > 1


@pytest.mark.slow
@given(st.data())
def test_convolution_with_whole_weights_is_exact(data: st.DataObject) -> None:
    image = data.draw(
        images_of_up_to_four_axes(data.draw(st.sampled_from(("uint8", "int16", "uint16"))))
    )
    mode = data.draw(st.sampled_from(EDGE_MODES))
    assume(possible(image, mode))
    longest = 6 if image.ndim < 4 else 3
    size = data.draw(st.tuples(*(st.integers(1, longest) for _ in image.shape)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    kernel = rng.integers(-9, 9, size)
    source, output, options = data.draw(pairs(image, image.shape, "int32"))
    convolve(source, output, kernel, mode=mode, cval=3, **options)  # type: ignore[arg-type]
    expected = ndi.convolve(image.astype("i8"), kernel, mode=mode, cval=3)
    np.testing.assert_array_equal(whole(output), expected)


@pytest.mark.slow
@given(st.data())
def test_convolution_in_floats_is_scipys(data: st.DataObject) -> None:
    image = data.draw(images(dtype=data.draw(st.sampled_from((*INTEGERS, *FLOATS)))))
    mode = data.draw(st.sampled_from(EDGE_MODES))
    assume(possible(image, mode))
    kernel = data.draw(images(min_dims=image.ndim, max_dims=image.ndim, max_side=5, dtype="f8"))
    dtype = data.draw(st.sampled_from(FLOATS))
    source, output, options = data.draw(pairs(image, image.shape, dtype))
    convolve(source, output, kernel, mode=mode, cval=0.25, **options)  # type: ignore[arg-type]
    expected = ndi.convolve(image.astype("f8"), kernel, mode=mode, cval=0.25)
    scale = max(np.abs(image.astype("f8")).max(), 1) * np.abs(kernel).sum()
    narrow = np.can_cast(image.dtype, "f4") and dtype == "float32"
    np.testing.assert_allclose(whole(output), expected, atol=scale * (1e-6 if narrow else 1e-7))


@pytest.mark.slow
@given(st.data())
def test_a_gaussian_is_scipys_in_floats_rounded_once(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(("float16", *INTEGERS, *FLOATS)))
    image = data.draw(images_of_up_to_four_axes(dtype, max_side=12))
    mode = data.draw(st.sampled_from(EDGE_MODES))
    assume(possible(image, mode))
    few, four = [0.6, 1, 2.3, tuple(range(image.ndim))], [0.6, (0, 1, 0, 0.6), (1, 0, 0.6, 0)]
    sigma = data.draw(st.sampled_from(few if image.ndim < 4 else four))
    options: dict[str, Any] = {"sigma": sigma, "mode": mode, "truncate": 3.0}
    # What is smooth lies between -1 and 1 for floats, and is -1, 0 or 1 in whole numbers.
    within = holding("int8" if dtype in ("float16", *FLOATS) else dtype)
    wanted = data.draw(within | st.sampled_from(FLOATS))
    source, output, how = data.draw(pairs(image, image.shape, wanted))
    gaussian(source, output, **options, **how)
    exact = ndi.gaussian_filter(image.astype("f8"), **options)
    narrow = np.can_cast(dtype, "f4") and np.can_cast(wanted, "f4")
    tolerance = (2e-6 if narrow else 1e-13) * max(np.abs(image.astype("f8")).max(), 1)
    if wanted in FLOATS:
        rtol = 1e-7 if wanted == "float32" else 0
        np.testing.assert_allclose(whole(output), exact, rtol=rtol, atol=tolerance)
    else:
        # Only what lies within the error of the floats of a half may go the other way.
        near_half = np.abs(exact - np.floor(exact) - 0.5) < tolerance
        difference = np.abs(whole(output).astype("f8") - np.floor(exact + 0.5))
        assert (difference <= near_half).all()


@pytest.mark.parametrize("sigma", [np.float32(1.3), np.float16(0.7), np.int64(2), np.uint8(20)])
def test_a_sigma_of_numpys_is_the_same_number(sigma: Any) -> None:
    image = np.random.default_rng(0).random((9, 8))
    expected = np.zeros_like(image)
    gaussian(image, expected, sigma.item(), mode="nearest", chunks=(5, 5))
    for given_sigma in (sigma, (sigma, sigma), np.array([sigma, sigma])):
        output = np.zeros_like(image)
        gaussian(image, output, given_sigma, mode="nearest", chunks=(5, 5))
        np.testing.assert_array_equal(output, expected)
        assert gaussian_depth(given_sigma, ndim=2) == gaussian_depth(sigma.item(), ndim=2)


@pytest.mark.slow
def test_a_gaussian_of_integers_has_no_bias() -> None:
    """SciPy on uint16 cuts decimals off after each axis: about one and a half counts too low."""
    image = np.random.default_rng(0).integers(0, 1000, (24, 24, 24), dtype="u2")
    output = np.zeros_like(image)
    gaussian(image, output, 1, mode="nearest", chunks=(10, 10, 10))
    exact = ndi.gaussian_filter(image.astype("f8"), 1, mode="nearest")
    assert abs((output - exact).mean()) < 0.02
    assert np.abs(output - exact).max() <= 0.5001
    assert (ndi.gaussian_filter(image, 1, mode="nearest") - exact).mean() < -1


@pytest.mark.slow
@given(st.data())
def test_a_function_with_a_halo_sees_what_it_would_see_in_the_whole(data: st.DataObject) -> None:
    image = data.draw(images_of_up_to_four_axes(None))
    mode = data.draw(st.sampled_from(EDGE_MODES))
    assume(possible(image, mode))
    deepest = 7 if image.ndim < 4 else 1
    depth = data.draw(st.tuples(*(st.integers(0, deepest) for _ in image.shape)))
    size = [2 * d + 1 for d in depth]
    returned = data.draw(holding(image.dtype))
    source, output, options = data.draw(pairs(image, image.shape, data.draw(holding(returned))))

    def f(block: NDArray[Any]) -> NDArray[Any]:
        assert block.dtype == image.dtype
        return np.asarray(ndi.maximum_filter(block, size, mode="nearest"), returned)

    map_with_halo(f, source, output, depth=depth, mode=mode, cval=1, **options)  # type: ignore[arg-type]
    expected = ndi.maximum_filter(image, size=size, mode=mode, cval=1)
    np.testing.assert_array_equal(whole(output), expected)


@given(st.data(), shapes(max_side=6))
def test_a_region_with_its_halo_is_what_numpy_pads(
    data: st.DataObject, shape: tuple[int, ...]
) -> None:
    image = np.arange(prod(shape)).reshape(shape)
    depth = data.draw(st.tuples(*(st.integers(0, 9) for _ in shape)))
    mode = data.draw(st.sampled_from(EDGE_MODES))
    index = data.draw(indices_in(shape))
    found = read_with_halo(image, index, depth, mode=mode, cval=-1)  # type: ignore[arg-type]
    padded = jobs.pad_halo(image, depth, mode, cval=-1)  # type: ignore[arg-type]
    wide = tuple(slice(i.start, i.stop + 2 * d) for i, d in zip(index, depth, strict=True))
    np.testing.assert_array_equal(found, padded[wide])


@pytest.mark.parametrize("sigma", [0, 0.1, 0.12, 0.5, 1, 1.7, 2, 3.3])
@pytest.mark.parametrize("truncate", [2.0, 3.5, 4.0])
def test_the_halo_of_a_gaussian_is_its_reach_and_no_more(sigma: float, truncate: float) -> None:
    point = np.zeros(65)
    point[32] = 1
    reach = np.flatnonzero(ndi.gaussian_filter(point, sigma, truncate=truncate)).max() - 32
    assert gaussian_depth(sigma, truncate=truncate, ndim=2) == (reach, reach)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_the_halo_of_a_kernel_is_its_reach(size: int) -> None:
    point = np.zeros(21)
    point[10] = 1
    touched = np.flatnonzero(ndi.convolve(point, np.ones(size), mode="constant")) - 10
    assert kernel_depth((size,)) == (np.abs(touched).max(),)


# --- numbers: one rounding, nothing wraps, NaN ----------------------------------------------------


@given(st.floats(-1e15, 1e15), st.sampled_from(["f4", "f8"]))
def test_halves_go_up_and_all_else_to_the_nearest(value: float, dtype: str) -> None:
    exact = np.array([value, value + 0.5, np.nextafter(0.5, 0), -0.5, 2.5], dtype)
    expected = [floor(Fraction(float(x)) + Fraction(1, 2)) for x in exact]
    assert half_up(exact).tolist() == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "values"), [([-1.0], "from -9 to -9"), ([100.0], "from 900 to 900")]
)
def test_a_result_that_an_integer_cannot_hold_is_refused(kernel: Any, values: str) -> None:
    output = np.zeros(4, "u1")
    with pytest.raises(jobs.ChunkError, match=rf"{values}, but the output's uint8 holds 0 to 255"):
        convolve(np.full(4, 9, "u1"), output, kernel, mode="nearest", chunks=(2,))
    assert not output.any()


def test_the_limits_of_a_dtype_are_held_exactly() -> None:
    for dtype in INTEGERS:
        limits = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max] * 2, dtype)
        output = np.zeros_like(limits)
        convolve(limits, output, [1], mode="nearest", chunks=(3,))
        np.testing.assert_array_equal(output, limits)
        with pytest.raises(jobs.ChunkError, match="holds"):
            convolve(limits, output, [1.5], mode="nearest", chunks=(3,))


@pytest.mark.parametrize("work", [partial(gaussian, sigma=1), partial(convolve, kernel=[1, 2, 1])])
def test_nan_spreads_as_far_as_the_kernel_and_never_into_integers(work: Any) -> None:
    image = np.zeros(20, "f4")
    image[10] = np.nan
    output = np.zeros(20, "f4")
    work(image, output, mode="nearest", chunks=(7,))
    reach = 4 if "sigma" in work.keywords else 1
    assert np.flatnonzero(np.isnan(output)).tolist() == list(range(10 - reach, 11 + reach))
    with pytest.raises(jobs.ChunkError, match="holds NaN, which the output's int16 cannot"):
        work(image, np.zeros(20, "i2"), mode="nearest", chunks=(7,))


@pytest.mark.parametrize("dtype", ["int64", "uint64", "complex64"])
def test_what_floats_cannot_hold_is_refused(dtype: str) -> None:
    image, output = np.zeros(4, dtype), np.zeros(4)
    with pytest.raises(TypeError, match=f"input's dtype is {dtype}"):
        gaussian(image, output, 1, mode="nearest", chunks=(2,))
    with pytest.raises(TypeError, match=f"input's dtype is {dtype}"):
        downsample(image, np.zeros(2), 2, chunks=(2,))
    with pytest.raises(TypeError, match=dtype):
        upsample(image, np.zeros(8), 2, order=1, chunks=(2,))
    with pytest.raises(TypeError, match=f"output's dtype is {dtype}"):
        gaussian(output, image, 1, mode="nearest", chunks=(2,))


@pytest.mark.parametrize("work", [partial(gaussian, sigma=1), partial(convolve, kernel=[1])])
@pytest.mark.parametrize("dtype", ["bool", "float16"])
def test_an_output_of_bool_or_half_floats_is_refused(work: Any, dtype: str) -> None:
    reason = f"output's dtype is {dtype}; expected integers of at most 32 bits, float32 or"
    with pytest.raises(TypeError, match=reason):
        work(np.zeros(4, "f4"), np.zeros(4, dtype), mode="nearest", chunks=(2,))


@pytest.mark.parametrize(
    ("work", "found", "wanted"),
    [
        (partial(downsample, method="mean"), "uint16", "uint8"),
        (partial(downsample, method="mean"), "int8", "uint8"),
        (partial(downsample, method="mean"), "float32", "int32"),
        (partial(downsample, method="mean"), "uint16", "float16"),
        (partial(downsample, method="mean"), "float64", "float16"),
        (partial(downsample, method="max"), "float64", "float32"),
        (partial(upsample, order=0), "int32", "float32"),
        (partial(upsample, order=1), "int16", "uint16"),
        (partial(upsample, order=1), "float32", "int32"),
        (partial(upsample, order=1), "float32", "float16"),
    ],
)
def test_an_output_that_cannot_hold_the_input_is_refused(
    work: Any, found: str, wanted: str
) -> None:
    with pytest.raises(TypeError, match=f"is {wanted}, which cannot hold the input's {found}; cr"):
        work(np.zeros(4, found), np.zeros(4, wanted), 1, chunks=(2,))


def test_an_output_that_cannot_hold_what_a_function_returns_is_refused() -> None:
    output = np.zeros(4, "u2")
    with pytest.raises(jobs.ChunkError, match="returned float64, which the output's uint16 cannot"):
        map_with_halo(lambda x: x / 2, output + 1, output, depth=1, mode="wrap", chunks=(2,))
    assert not output.any()


# --- histograms -----------------------------------------------------------------------------------


@pytest.mark.slow
@given(st.data(), images(max_side=12))
def test_a_histogram_adds_up_to_that_of_the_whole(data: st.DataObject, image: NDArray[Any]) -> None:
    low, high = float(image.min()), float(image.max()) + 1
    bins: Any = data.draw(st.sampled_from([1, 7, 256, [low, low + (high - low) / 3, high]]))
    limits = data.draw(st.sampled_from([(low, high), (low, low / 2 + high / 2 + 1)]))
    source = make(data.draw(st.sampled_from(KINDS)), image, data.draw(chunks_for(image.shape)))
    counts, edges = chunkwise_histogram(
        source, bins=bins, range=limits, chunks=data.draw(chunks_for(image.shape)), n_jobs=2
    )
    expected, expected_edges = np.histogram(image, bins, limits)
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(edges, expected_edges)
    np.testing.assert_array_equal(chunkwise_histogram(source, bins=bins, range=limits)[0], expected)


@given(images(dtype="uint8", min_side=2, max_side=12))
def test_the_threshold_of_a_histogram_is_that_of_the_image(image: NDArray[np.uint8]) -> None:
    assume(len(np.unique(image)) > 1)
    counts, edges = chunkwise_histogram(image, bins=256, range=(-0.5, 255.5))
    assert otsu_from_histogram(counts, edges) == skimage.filters.threshold_otsu(image.ravel())


def test_a_histogram_without_contrast_has_no_threshold() -> None:
    with pytest.raises(ValueError, match="values in at least two bins"):
        otsu_from_histogram(np.array([0, 9, 0]), np.arange(4))


def test_bins_without_a_range_are_refused() -> None:
    with pytest.raises(ValueError, match="no chunk knows the smallest and largest"):
        chunkwise_histogram(np.zeros(4), bins=4)


# --- guards, before anything is written -----------------------------------------------------------

KERNEL = np.array([[[1, 2], [0, 3]], [[0, 1], [2, 0]]])  # differs from every mirror of itself
SIGMA, SIZE = (1, 0.5, 1.5), (3, 5, 1)

WORKS: dict[str, Any] = {
    "downsample": partial(downsample, factor=2),
    "upsample": partial(upsample, factor=2, order=1),
    "convolve": partial(convolve, kernel=KERNEL, mode="mirror"),
    "gaussian": partial(gaussian, sigma=SIGMA, mode="reflect", truncate=2.0),
    "map_with_halo": partial(
        map_with_halo,
        partial(ndi.maximum_filter, size=SIZE, mode="nearest"),
        depth=(1, 2, 0),
        mode="wrap",
    ),
}
VOLUME = np.random.default_rng(0).integers(0, 6000, (9, 7, 8), dtype="u2")  # times 9 fits uint16
SHAPES = {"downsample": (5, 4, 4), "upsample": (17, 14, 16)}


@cache
def of_the_whole(name: str) -> NDArray[Any]:
    """What each work makes of the volume; of the Gaussian, before it is rounded."""
    if name == "downsample":
        return shrunk(VOLUME, (2, 2, 2), "mean", "u2")
    if name == "upsample":
        return enlarged(VOLUME, (2, 2, 2), SHAPES[name], 1, "u2")
    if name == "convolve":
        return np.asarray(ndi.convolve(VOLUME.astype("i8"), KERNEL, mode="mirror"))
    if name == "gaussian":
        smooth = ndi.gaussian_filter(VOLUME.astype("f8"), SIGMA, mode="reflect", truncate=2.0)
        return np.asarray(smooth)
    return np.asarray(ndi.maximum_filter(VOLUME, SIZE, mode="wrap"))


def empty_for(name: str) -> NDArray[np.uint16]:
    return np.zeros(SHAPES.get(name, VOLUME.shape), "u2")


def quarters(array: NDArray[Any]) -> tuple[int, ...]:
    return tuple(length // 4 + 1 for length in array.shape)


def run(name: str, source: Any, output: Any, **options: Any) -> None:
    work = WORKS[name]
    first = work.args
    work.func(*first, source, output, **(work.keywords | options))


@pytest.fixture
def image() -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 2**16, (19, 14), dtype="u2")


@pytest.mark.parametrize("name", WORKS)
def test_an_output_that_is_its_input_is_refused(name: str) -> None:
    array = make("zarr 3", VOLUME, (5, 4, 3))
    same_shape = {"factor": 1} if name in SHAPES else {}
    with pytest.raises(ValueError, match="same array"):
        run(name, array, array, **same_shape)
    np.testing.assert_array_equal(array[...], VOLUME)


@pytest.mark.parametrize("name", WORKS)
def test_regions_that_cut_a_shard_are_refused(name: str) -> None:
    output = make("sharded", empty_for(name), (2, 1, 2))
    with pytest.raises(ValueError, match=r"not aligned to the output's shards \(4, 2, 4\)"):
        run(name, VOLUME, output, chunks=(2, 1, 2))
    assert not output[...].any()


@pytest.mark.parametrize("name", WORKS)
def test_an_output_in_memory_is_not_sent_to_processes(name: str) -> None:
    with pytest.raises(TypeError, match="in the memory of this process"):
        run(name, VOLUME, empty_for(name), chunks=(2, 2, 2), backend="loky", n_jobs=2)


@pytest.mark.parametrize("name", WORKS)
def test_an_output_of_another_shape_is_refused(name: str) -> None:
    longer = np.pad(empty_for(name), [(0, 0), (0, 0), (0, 1)])
    with pytest.raises(ValueError, match=re.escape(f"{longer.shape}")):
        run(name, VOLUME, longer, chunks=(2, 2, 2))


@pytest.mark.parametrize("name", WORKS)
def test_two_arrays_without_chunks_need_some(name: str) -> None:
    with pytest.raises(ValueError, match="without chunks, and no chunks were given"):
        run(name, VOLUME, empty_for(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKS)
def test_a_run_that_was_stopped_goes_on(name: str, tmp_path: Path) -> None:
    source = make("zarr 3", VOLUME, (5, 4, 3), tmp_path / "in")
    empty = empty_for(name)
    chunks = quarters(empty)
    output = jobs.create_like(source, tmp_path / "out", shape=empty.shape, chunks=chunks)
    run(name, source, output, manifest=tmp_path / "m.jsonl")
    expected = whole(output)
    lines = (tmp_path / "m.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "m.jsonl").write_text("".join(lines[:-4]))  # three regions and the last line
    output[...] = 0
    again = zarr.open_array(tmp_path / "in"), zarr.open_array(tmp_path / "out", mode="r+")
    run(name, *again, manifest=tmp_path / "m.jsonl")
    redone = whole(output) != 0
    np.testing.assert_array_equal(whole(output), np.where(redone, expected, 0))
    assert 0 < redone.sum() <= 3 * prod(chunks)
    assert (tmp_path / "m.jsonl").read_text().splitlines()[-1] == '{"finished": true}'


def test_a_manifest_of_other_parameters_is_refused(image: NDArray[Any], tmp_path: Path) -> None:
    source = make("zarr 3", image, (5, 4), tmp_path / "in")
    output = jobs.create_like(source, tmp_path / "out")
    gaussian(source, output, 1, mode="nearest", manifest=tmp_path / "m")
    with pytest.raises(ValueError, match="belongs to other work"):
        gaussian(source, output, 1.5, mode="nearest", manifest=tmp_path / "m")


@pytest.mark.slow
@pytest.mark.xdist_group("processes")  # which are started once
@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("name", WORKS)
def test_processes_write_what_the_whole_gives_and_threads_write(
    name: str, kind: str, tmp_path: Path
) -> None:
    source = make(kind, VOLUME, (4, 3, 5), tmp_path / "in")
    empty, expected = empty_for(name), of_the_whole(name)
    by_processes, by_threads = (
        make(kind, empty, quarters(empty), tmp_path / where) for where in ("processes", "threads")
    )
    run(name, source, by_processes, backend="loky", n_jobs=2)
    run(name, source, by_threads)
    # A Gaussian was rounded once, from what float32 had; all others are exact.
    apart = 0.5 + 2e-6 * VOLUME.max() if name == "gaussian" else 0
    np.testing.assert_allclose(by_processes[...], expected, rtol=0, atol=apart)
    np.testing.assert_array_equal(by_processes[...], by_threads[...])


@pytest.mark.slow
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("kind", KINDS)
def test_processes_count_what_the_whole_holds(kind: str, tmp_path: Path) -> None:
    source = make(kind, VOLUME, (4, 3, 5), tmp_path / "in")
    bins: dict[str, Any] = {"bins": 50, "range": (100, 5999)}
    counts, edges = chunkwise_histogram(source, **bins, chunks=(3, 7, 2), backend="loky", n_jobs=2)
    expected, expected_edges = np.histogram(VOLUME, **bins)
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(edges, expected_edges)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a, b: gaussian(a, b, -1, mode="nearest"), "sigma is -1"),
        (lambda a, b: gaussian(a, b, np.nan, mode="nearest"), "sigma is nan"),
        (lambda a, b: gaussian(a, b, 1, mode="nearest", truncate=0), "truncate 0"),
        (lambda a, b: gaussian(a, b, (1, 1, 1), mode="nearest"), "3 entries for 2 axes"),
        (lambda a, b: gaussian(a, b, 1, mode="edge"), "mode 'edge' is not known"),
        (lambda a, b: convolve(a, b, [1, 1], mode="nearest"), r"shape \(2,\)"),
        (lambda a, b: convolve(a, b, [[np.nan]], mode="nearest"), "1 weights that are not finite"),
        (lambda a, b: convolve(a, b, np.ones((0, 1)), mode="nearest"), "at least one weight"),
        (lambda a, b: convolve(a, b, [[1]], mode="periodic"), "mode 'periodic' is not known"),
        (lambda a, b: map_with_halo(np.copy, a, b, depth=-1, mode="wrap"), "depth is -1"),
        (lambda a, b: map_with_halo(np.copy, a, b, depth=(1,), mode="wrap"), r"depth is \(1,\)"),
        (
            lambda a, b: map_with_halo(np.copy, a, b, depth=1, mode="constant", cval=-1),
            "cval is -1, which the input's uint16 cannot hold",
        ),
        (lambda a, b: downsample(a, b, 0), "factor is 0"),
        (lambda a, b: downsample(a, b, (1, 1, 1)), "factor is"),
        (lambda a, b: downsample(a, b, 1.5), "factor is 1.5"),
        (lambda a, b: downsample(a, b, 1, method="median"), "method 'median' is not known"),
        (lambda a, b: upsample(a, b, 1, order=3), "order is 3"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    call: Any, message: str, image: NDArray[Any]
) -> None:
    output = make("zarr 3", np.zeros_like(image), (5, 4))
    with pytest.raises(ValueError, match=message):
        call(image, output)
    assert not output[...].any()


def test_a_function_that_changes_the_shape_is_refused(image: NDArray[Any]) -> None:
    with pytest.raises(jobs.ChunkError, match=r"turned shape \(7, 7\) into \(5, 7\)"):
        map_with_halo(
            lambda x: x[1:-1], image, image.copy(), depth=1, mode="wrap", chunks=(5, 5), n_jobs=1
        )


def test_a_function_may_change_what_it_is_given(image: NDArray[Any]) -> None:
    def in_place(block: NDArray[Any]) -> NDArray[Any]:
        block += 1
        return block

    before = image.copy()
    output = np.zeros_like(image)
    for depth in (0, 1):
        map_with_halo(in_place, image, output, depth=depth, mode="nearest", chunks=(19, 14))
        np.testing.assert_array_equal(image, before)
        np.testing.assert_array_equal(output, before + np.uint16(1))


def test_large_regions_are_worked_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a shard costs its own size, not several times as much; the result is the same."""
    for name in WORKS:
        expected, output = empty_for(name), empty_for(name)
        run(name, VOLUME, expected, chunks=output.shape)
        with monkeypatch.context() as patch:
            patch.setattr("data_helpers.processing.pieces.AT_ONCE", 30)
            seen = CountedReads(VOLUME)
            run(name, seen, output, chunks=output.shape)
        assert len(seen.sizes) > 8
        assert max(seen.sizes) < VOLUME.size
        np.testing.assert_array_equal(output, expected)


class CountedReads:
    """An array that counts how much is read at a time."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.sizes: list[int] = []

    def __getitem__(self, index: Any) -> NDArray[Any]:
        self.sizes.append(self.array[index].size)
        return self.array[index]
