"""Numbers of the whole image, from chunks of any sizes, and what is done with them."""

from typing import Any

import dask.array as da
import numpy as np
import pytest
import scipy.ndimage as ndi
import skimage.filters
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import images, irregular_chunks_for

from data_helpers.dask_operations import (
    global_percentiles,
    normalize_intensity,
    otsu_threshold,
    segment,
)
from data_helpers.dask_operations.counts import AT_ONCE

SMALL = ("uint8", "int8", "int16", "uint16")
WIDE = ("int32", "uint32", "int64", "float32", "float64", "float16")


def lazy(image: Any, chunks: Any) -> da.Array:
    return da.from_array(np.asarray(image), chunks=chunks)


@st.composite
def few_or_many(draw: st.DrawFn, kinds: tuple[str, ...]) -> NDArray[Any]:
    """Images over the whole range of a dtype, or with values that repeat; floats also far apart."""
    image = draw(images(dtype=draw(st.sampled_from(kinds))))
    if draw(st.booleans()):
        return (image.astype("f8") * 3 % 7 - 3).astype(image.dtype)
    if image.dtype.kind == "f" and draw(st.booleans()):
        return (image * np.float64(10) ** (4 * image)).astype(image.dtype)
    return image


percentages = st.lists(
    st.sampled_from([0, 1, 50, 99.9, 100]) | st.floats(0, 100), min_size=1, max_size=4
)


# --- Percentiles ----------------------------------------------------------------------------------


@given(few_or_many(SMALL), percentages, st.data())
def test_percentiles_of_small_integers_are_numpys(
    image: NDArray[Any], wanted: list[float], data: st.DataObject
) -> None:
    x = lazy(image, data.draw(irregular_chunks_for(image.shape)))
    found = global_percentiles(x, wanted)
    np.testing.assert_allclose(found, np.percentile(image.astype("f8"), wanted), rtol=1e-12)


@given(few_or_many(WIDE), percentages, st.data())
def test_percentiles_of_other_numbers_are_numpys_as_float32(
    image: NDArray[Any], wanted: list[float], data: st.DataObject
) -> None:
    if image.dtype.kind == "f" and data.draw(st.booleans()):
        image[np.random.default_rng(0).random(image.shape) < 0.3] = np.nan
        assume(not np.isnan(image).all())
    x = lazy(image, data.draw(irregular_chunks_for(image.shape)))
    found = global_percentiles(x, wanted)
    expected = np.nanpercentile(image.astype("f4").astype("f8"), wanted)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)


def test_values_of_percentiles_keep_their_sign_and_infinity() -> None:
    image = np.float32([np.inf, -1e-45, 3e38, -np.inf, 1e-45])
    found = global_percentiles(lazy(image, 2), (0, 25, 50, 75, 100))
    np.testing.assert_array_equal(found, np.sort(image))


@pytest.mark.slow
def test_more_values_than_are_counted_at_a_time_are_all_counted() -> None:
    image = (np.arange(2 * AT_ONCE + 5) % 1000 + 9000).astype("u2")
    image[-3:] = 60_000
    image[AT_ONCE - 2 : AT_ONCE + 2] = 3
    for kind in ("u2", "f4"):
        found = global_percentiles(lazy(image.astype(kind), -1), (0, 25, 100))
        np.testing.assert_allclose(found, np.percentile(image, (0, 25, 100)))
    for kind in ("u2", "i4", "f4"):
        x = image.astype(kind)
        whole, chunked = (float(otsu_threshold(lazy(x, n))) for n in (-1, AT_ONCE // 3))
        assert whole == chunked == pytest.approx(skimage.filters.threshold_otsu(x), rel=1e-6)


# --- Intensities ----------------------------------------------------------------------------------


def scaled(image: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    return np.clip((image.astype("f8") - low) / (high - low), 0, 1).astype("f4")


@pytest.mark.slow
@given(few_or_many((*SMALL, *WIDE)), st.data())
def test_intensities_are_on_one_scale_for_the_whole_image(
    image: NDArray[Any], data: st.DataObject
) -> None:
    x = lazy(image, data.draw(irregular_chunks_for(image.shape)))
    wanted = data.draw(st.sampled_from([(1, 99), (0, 100), (20, 30)]))
    low, high = global_percentiles(x, wanted).compute()
    assume(low < high)
    found = normalize_intensity(x, percentiles=wanted).compute()
    np.testing.assert_array_equal(found, scaled(image, low, high))
    ends = (float(image.min()), float(image.max()))
    whole = lazy(image, -1)  # Dask has no minimum where a chunk is empty
    for limits in (ends, (whole.min(), whole.max()), (ends[0], whole.max())):
        np.testing.assert_array_equal(normalize_intensity(x, limits=limits), scaled(image, *ends))


def test_integers_do_not_wrap_below_the_lower_limit() -> None:
    found = normalize_intensity(lazy(np.uint8([0, 99, 100, 150, 255]), 2), limits=(100, 200))
    np.testing.assert_array_equal(found, np.float32([0, 0, 0, 0.5, 1]))


def test_nan_counts_for_nothing_and_stays_and_infinity_is_cut_off() -> None:
    image = [np.nan, 0, 1, 2, 3, 4, np.nan, np.nan]
    found = normalize_intensity(lazy(image, 3), percentiles=(25, 75))
    np.testing.assert_array_equal(found, np.float32([np.nan, 0, 0, 0.5, 1, 1, np.nan, np.nan]))
    found = normalize_intensity(lazy([-np.inf, 1, np.inf], 1), limits=(0, 4))
    np.testing.assert_array_equal(found, np.float32([0, 0.25, 1]))


def test_an_image_of_one_value_becomes_0_and_what_lies_above_it_1() -> None:
    np.testing.assert_array_equal(normalize_intensity(lazy([7.0] * 5, 2)), np.zeros(5, "f4"))
    image = [np.nan] + [0] * 99 + [5, np.inf]
    found = normalize_intensity(lazy(image, 10), percentiles=(0, 50))
    np.testing.assert_array_equal(found, np.float32([np.nan] + [0] * 99 + [1, 1]))


# --- Otsu's threshold -----------------------------------------------------------------------------


@given(few_or_many(("uint8", "int8", "int16", "uint16")), st.data())
def test_the_threshold_of_small_integers_is_that_of_the_whole(
    image: NDArray[Any], data: st.DataObject
) -> None:
    found = otsu_threshold(lazy(image, data.draw(irregular_chunks_for(image.shape))))
    assert float(found) == skimage.filters.threshold_otsu(image.ravel())


@given(st.data())
def test_the_threshold_of_wide_integers_is_that_of_the_whole(data: st.DataObject) -> None:
    kind = np.dtype(data.draw(st.sampled_from(["int32", "uint32", "int64", "uint64"])))
    limits = np.iinfo(kind)
    start = data.draw(st.sampled_from([limits.min, 0, limits.max - 900]))
    image = data.draw(images(dtype="uint8")).astype(kind) * 3 + kind.type(start)
    found = otsu_threshold(lazy(image, data.draw(irregular_chunks_for(image.shape))))
    expected = skimage.filters.threshold_otsu((image - image.min()).astype("u2").ravel())
    assert float(found) == float(int(image.min()) + int(expected))


@given(few_or_many(("float32", "float64")), st.data())
def test_the_threshold_of_floats_parts_the_bins_of_the_whole(
    image: NDArray[Any], data: st.DataObject
) -> None:
    assume(image.min() < image.max())
    chunks = data.draw(irregular_chunks_for(image.shape))
    counts, edges = np.histogram(image, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    found = float(otsu_threshold(lazy(image, chunks)))
    assert found in centres.tolist()

    def between(threshold: float) -> float:  # Otsu's own words, on the bins of the whole
        low = centres <= threshold
        parts = [(counts[part].sum(), (counts * centres)[part].sum()) for part in (low, ~low)]
        (n, a), (m, b) = parts
        return float(n * m * (a / n - b / m) ** 2) if n and m else 0.0

    best = max(between(float(centre)) for centre in centres)
    assert between(found) == pytest.approx(best, rel=1e-5)


def test_the_threshold_of_a_float_image_is_scikit_images() -> None:
    rng = np.random.default_rng(4)
    image = rng.normal(np.where(rng.random((50, 60)) < 0.3, 9, 2), 1)
    for kind in ("f4", "f8"):
        found = float(otsu_threshold(lazy(image.astype(kind), (17, 60))))
        assert found == pytest.approx(skimage.filters.threshold_otsu(image.astype(kind)), rel=1e-6)


def test_nan_is_left_out_of_the_threshold() -> None:
    image = np.float64([1, 2, 2, 7, 8, 9, 9])
    with_nan = np.insert(image, [0, 3, 3, 3, 7], np.nan)
    expected = float(otsu_threshold(lazy(image, 2)))
    assert float(otsu_threshold(lazy(with_nan, 2))) == expected


@pytest.mark.parametrize("kind", ["u1", "i2", "i8", "f4"])
def test_the_threshold_of_one_value_is_that_value(kind: str) -> None:
    assert float(otsu_threshold(lazy(np.full((4, 5), 42, kind), 2))) == 42


# --- Segmentation ---------------------------------------------------------------------------------


def segmented(image: NDArray[Any], sigma: float, min_size: int, connectivity: int) -> Any:
    """The same steps on the whole image."""
    floats = np.result_type(image.dtype, "f4")
    smooth = ndi.gaussian_filter(image.astype(floats), sigma, mode="nearest")
    mask = smooth > otsu_threshold(lazy(smooth, -1)).compute()
    structure = ndi.generate_binary_structure(image.ndim, connectivity)
    labels, _ = ndi.label(mask, structure)
    sizes = np.bincount(labels.ravel())
    return mask & (sizes[labels] >= min_size)


@pytest.mark.slow
@given(images(max_side=11), st.data())
def test_objects_are_those_of_the_whole_image(image: NDArray[Any], data: st.DataObject) -> None:
    x = lazy(image, data.draw(irregular_chunks_for(image.shape)))
    sigma = data.draw(st.sampled_from([0, 0.5, 1]))
    min_size, connectivity = data.draw(st.integers(0, 9)), data.draw(st.integers(1, image.ndim))
    found = segment(x, sigma=sigma, min_size=min_size, connectivity=connectivity)
    np.testing.assert_array_equal(found, segmented(image, sigma, min_size, connectivity))


@pytest.mark.slow
def test_an_object_that_is_small_in_every_chunk_is_kept_for_its_whole_size() -> None:
    image = np.zeros((40, 40), "u1")
    image[20, 2:38] = 200  # 36 pixels, 4 in a chunk
    image[5, 5:9] = 200  # 4 pixels
    found = segment(lazy(image, 4), sigma=0, min_size=36).compute()
    np.testing.assert_array_equal(found, (image > 0) & (np.arange(40)[:, None] == 20))
    assert not segment(lazy(image, 4), sigma=0, min_size=37).compute().any()


def test_nan_is_background() -> None:
    image = np.zeros((20, 20))
    image[5:15, 5:15] = 1
    image[6, 6] = np.nan
    found = segment(lazy(image, 7), sigma=0.5).compute()
    assert not found[4:9, 4:9].any()
    assert found[10:14, 10:14].all()
