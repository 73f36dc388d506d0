"""Filters on Dask arrays, whatever the chunks: SciPy, scikit-image, and a loop over iterations."""

from typing import Any

import dask.array as da
import numpy as np
import pytest
import scipy.ndimage as ndi
import skimage.restoration
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.feature import canny
from strategies import EDGE_MODES, edge_modes, images, irregular_chunks_for

from data_helpers.dask_operations import (
    edge_map,
    gaussian_filter,
    richardson_lucy,
    richardson_lucy_depth,
)
from data_helpers.dask_operations.deconvolution import LEFT_OUT
from data_helpers.dask_operations.halos import map_clipped, map_padded
from data_helpers.jobs import EdgeMode, pad_halo


def lazy(image: NDArray[Any], chunks: Any) -> da.Array:
    return da.from_array(image, chunks=chunks)


# --- Halos ----------------------------------------------------------------------------------------


@given(st.data())
def test_every_chunk_sees_what_lies_around_it_in_the_image(data: st.DataObject) -> None:
    image = data.draw(images(dtype="int32"))
    chunks = data.draw(irregular_chunks_for(image.shape))
    depths = tuple(data.draw(st.integers(0, 11)) for _ in image.shape)
    mode: EdgeMode = data.draw(edge_modes())  # type: ignore[assignment]
    weights = [np.arange(1, 2 * depth + 2) for depth in depths]

    def sums(block: NDArray[Any]) -> NDArray[Any]:  # every neighbour weighs something of its own
        for weight in weights:
            windows = np.lib.stride_tricks.sliding_window_view(block, len(weight), axis=0)
            block = np.moveaxis(windows @ weight, 0, -1)
        return block

    options: dict[str, Any] = {"mode": mode, "cval": 5, "work": "i8", "dtype": "i8", "label": "sum"}
    found = map_padded(sums, lazy(image, chunks), depths, **options)
    whole = sums(pad_halo(image.astype("i8"), [(d, d) for d in depths], mode, 5))
    np.testing.assert_array_equal(found, whole)
    assert found.chunks == lazy(image, chunks).chunks


@given(st.data())
def test_a_clipped_halo_ends_where_the_image_does(data: st.DataObject) -> None:
    image = data.draw(images(dtype="uint8", max_side=12))
    chunks = data.draw(irregular_chunks_for(image.shape))
    size = data.draw(st.sampled_from([1, 3, 5]))

    def largest(block: NDArray[Any]) -> NDArray[Any]:  # and 100 more at its edge
        edge = np.pad(np.zeros([n - 2 for n in block.shape]), 1, constant_values=100)
        return ndi.maximum_filter(block.astype("f8"), size) + edge

    assume(min(image.shape) > 2)
    x = lazy(image, chunks)
    found = map_clipped(largest, x, (2,) * image.ndim, dtype="f8", label="max")
    np.testing.assert_array_equal(found, largest(image))


@pytest.mark.parametrize("mode", EDGE_MODES)
def test_a_chunk_takes_only_chunks_that_its_halo_reaches(mode: EdgeMode) -> None:
    x = da.zeros(100, chunks=10)
    found = map_padded(np.copy, x, (3,), mode=mode, work="f8", dtype="f8", label="copy")
    layer: Any = found.dask.layers[found.name]
    taken = [[key[1] for key in layer[found.name, at][1]] for at in (0, 5, 9)]
    first, last = ([0, 1, 9], [0, 8, 9]) if mode == "wrap" else ([0, 1], [8, 9])
    assert taken == [first, [4, 5, 6], last]


# --- The Gaussian ---------------------------------------------------------------------------------


@given(st.data())
def test_a_gaussian_is_scipys_of_the_whole(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["u1", "i2", "u2", "f2", "f4", "i4", "u8", "f8"]))
    four = images(dtype=kind, min_dims=4, max_dims=4, max_side=4)  # t or c, z, y and x
    image = data.draw(images(dtype=kind, max_side=12) | four)
    x = lazy(image, data.draw(irregular_chunks_for(image.shape)))
    widths = [0, 0.1, 0.6, 1.5, 4] if image.ndim < 4 else [0, 0.1, 0.6, 1.2]
    sigma = tuple(data.draw(st.sampled_from(widths)) for _ in image.shape)
    mode: EdgeMode = data.draw(edge_modes())  # type: ignore[assignment]
    truncate = data.draw(st.sampled_from([4.0, 2.5]))
    found = gaussian_filter(x, sigma, mode=mode, truncate=truncate, cval=3)
    floats = "f4" if kind in ("u1", "i2", "u2", "f2", "f4") else "f8"
    expected = ndi.gaussian_filter(
        image.astype(floats), sigma, mode=mode, truncate=truncate, cval=3
    )
    assert found.dtype == floats
    assert found.chunks == x.chunks
    size = float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14 * size if floats == "f8" else 0)


def test_one_sigma_is_for_all_axes() -> None:
    image = np.random.default_rng(0).random((9, 10, 11))
    found = gaussian_filter(lazy(image, 4), 1.2)
    np.testing.assert_allclose(found, ndi.gaussian_filter(image, 1.2, mode="nearest"), rtol=1e-13)


@pytest.mark.parametrize("sigma", [np.float32(1.3), np.float16(0.7), np.int64(2), np.uint8(20)])
def test_a_sigma_of_numpys_is_the_same_number(sigma: Any) -> None:
    x = lazy(np.random.default_rng(0).random((9, 8)), 5)
    expected = gaussian_filter(x, sigma.item())
    for given_sigma in (sigma, (sigma, sigma), np.array([sigma, sigma])):
        np.testing.assert_array_equal(gaussian_filter(x, given_sigma), expected)


def test_nan_spreads_as_far_as_the_gaussian_reaches_in_any_chunks() -> None:
    image = np.ones((30, 30), "f4")
    image[14, 3] = np.nan
    for chunks in (30, 7, (4, 30)):
        holes = np.isnan(gaussian_filter(lazy(image, chunks), (1, 2)).compute())
        expected = np.zeros((30, 30), bool)
        expected[10:19, :12] = True  # 4 and 8 on each side, and what lies outside repeats the edge
        np.testing.assert_array_equal(holes, expected)


# --- Edges ----------------------------------------------------------------------------------------


@st.composite
def scenes(draw: st.DrawFn) -> NDArray[Any]:
    """Smooth blobs, as integers or floats between -1 and 1."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 45), st.integers(1, 45)))
    image = ndi.gaussian_filter(rng.normal(size=shape), draw(st.sampled_from([0, 1, 2])))
    image /= max(float(np.abs(image).max()), 1e-9)
    kind = draw(st.sampled_from(["u1", "i2", "i4", "f4", "f8", "?"]))
    if kind == "?":
        return image > 0
    if kind in ("f4", "f8"):
        return image.astype(kind)
    return ((image + 1) / 2 * np.iinfo(kind).max).astype(kind)


@pytest.mark.slow
@given(st.data())
def test_edges_are_cannys_of_the_whole(data: st.DataObject) -> None:
    image = data.draw(scenes())
    x = lazy(image, data.draw(irregular_chunks_for(image.shape)))
    sigma = data.draw(st.sampled_from([0, 0.7, 1.5]))
    unit = 1 if image.dtype.kind in "bf" else int(np.iinfo(image.dtype).max)
    low, high = sorted(data.draw(st.floats(0, 0.6)) * unit for _ in range(2))
    expected = canny(image, sigma, low, high)
    np.testing.assert_array_equal(edge_map(x, sigma=sigma, low=low, high=high), expected)


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [0, 0.4, 1, 2])
def test_a_chunk_sees_enough_for_every_edge_in_noise(sigma: float) -> None:
    image = np.random.default_rng(7).random((90, 90))
    expected = canny(image, sigma, 0, 0)
    assert expected.sum() > 500
    found = edge_map(lazy(image, 6), sigma=sigma, low=0, high=0)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_an_edge_that_winds_through_all_chunks_is_kept_for_one_strong_pixel() -> None:
    rows, columns = np.mgrid[:120, :120]
    spiral = np.hypot(rows - 60, columns - 60) / 2 + np.arctan2(rows - 60, columns - 60) * 5 / np.pi
    near = np.exp(-((np.hypot(rows - 60, columns - 60) / 8) ** 2))
    image = ((spiral % 10 < 5) * (0.2 + 0.4 * near)).astype("f4")  # strong near the middle only
    low, high = 0.1, 1.0
    expected = canny(image, 1, low, high)
    weak, strong = canny(image, 1, low, low), canny(image, 1, high, high)
    assert strong.sum() < 40 < 800 < expected.sum() < weak.sum()
    found = edge_map(lazy(image, 13), sigma=1, low=low, high=high)
    np.testing.assert_array_equal(found, expected)


def test_there_are_no_edges_around_nan() -> None:
    rng = np.random.default_rng(1)
    image = ndi.gaussian_filter(rng.random((40, 40)), 1)
    image[20, 20] = np.nan
    found = edge_map(lazy(image, 11), sigma=1, low=0.05, high=0.1).compute()
    np.testing.assert_array_equal(found, canny(image, 1, 0.05, 0.1))
    assert found.any()
    assert not found[16:25, 16:25].any()


# --- Deconvolution --------------------------------------------------------------------------------


def gaussian_psf(sigma: float, radius: int, ndim: int = 2) -> NDArray[np.float64]:
    line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    psf = line
    for _ in range(ndim - 1):
        psf = np.multiply.outer(psf, line)
    return psf / psf.sum()


def disc() -> NDArray[np.float64]:
    rows, columns = np.mgrid[-4:5, -4:5]
    return (np.hypot(rows, columns) < 3.5).astype("f8")


def motion() -> NDArray[np.float64]:
    psf = np.zeros((7, 9))
    psf[3, 4:] = 1
    return psf


def corner() -> NDArray[np.float64]:
    """A PSF far from its centre."""
    psf = np.zeros((7, 7))
    psf[5:, 5:] = [[1, 2], [2, 1]]
    return psf


def ring() -> NDArray[np.float64]:
    """Nearly all weight in the middle, the rest far out."""
    psf = np.pad(np.zeros((11, 11)), 1, constant_values=0.02 / 48)
    psf[6, 6] = 0.98
    return psf


PSFS = {
    "narrow": gaussian_psf(1, 3),
    "wide": gaussian_psf(2, 6),
    "disc": disc(),
    "motion": motion(),
    "corner": corner(),
    "ring": ring(),
    "line": np.ones((1, 5)),
}


def deconvolved(
    image: NDArray[Any], psf: NDArray[Any], iterations: int, mode: EdgeMode
) -> NDArray[np.float64]:
    """The image goes on outside so far that no edge is ever seen; each step is SciPy's sum."""
    reach = tuple(size // 2 * 2 * iterations for size in psf.shape)
    wide = pad_halo(image.astype("f8"), [(r, r) for r in reach], mode, 4)
    psf = psf / psf.sum()
    # `origin` and size of convolve and correlate agree for odd sizes
    estimate = np.ones(wide.shape)
    for _ in range(iterations):
        blurred = ndi.convolve(estimate, psf, mode="nearest")
        ratio = np.divide(wide, blurred, out=np.zeros(wide.shape), where=blurred > 0)
        estimate *= ndi.correlate(ratio, psf, mode="nearest")
    return estimate[tuple(slice(r, r + n) for r, n in zip(reach, image.shape, strict=True))]


def specimen(kind: str, shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    """Images that are hard on a halo: bright beside dark."""
    rng = np.random.default_rng(seed)
    if kind == "points":
        return (rng.random(shape) > 0.97) * rng.uniform(10, 60_000, shape)
    if kind == "step":
        image = np.full(shape, 3.0)
        image[: shape[0] // 3] = 50_000
        return rng.poisson(image).astype("u2")
    if kind == "few photons":
        return rng.poisson(0.2, shape).astype("u1")
    return rng.integers(0, 65_535, shape).astype("u2")


KINDS = ("points", "step", "few photons", "noise")


@given(st.data())
def test_deconvolution_is_that_of_the_whole_to_1_part_in_100_000(data: st.DataObject) -> None:
    psf = PSFS[data.draw(st.sampled_from(sorted(PSFS)))]
    iterations = data.draw(st.integers(1, 5))
    shape = data.draw(st.tuples(st.integers(5, 30), st.integers(5, 30)))
    image = specimen(data.draw(st.sampled_from(KINDS)), shape, data.draw(st.integers(0, 99)))
    mode: EdgeMode = data.draw(edge_modes())  # type: ignore[assignment]
    x = lazy(image, data.draw(irregular_chunks_for(shape)))
    found = richardson_lucy(x, psf, iterations, mode=mode, cval=4).compute()
    expected = deconvolved(image, psf, iterations, mode)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * expected.max() + 1e-30)


@pytest.mark.parametrize(
    ("psf", "iterations", "shape", "kind", "seed", "mode"),
    [
        ("disc", 4, (5, 6), "points", 1, "wrap"),
        ("disc", 5, (5, 29), "points", 361, "wrap"),
        ("motion", 5, (7, 5), "few photons", 240, "mirror"),
    ],
)
def test_where_a_halo_that_leaves_out_more_is_too_small(
    psf: str, iterations: int, shape: tuple[int, int], kind: str, seed: int, mode: EdgeMode
) -> None:
    image = specimen(kind, shape, seed)
    found = richardson_lucy(lazy(image, -1), PSFS[psf], iterations, mode=mode).compute()
    expected = deconvolved(image, PSFS[psf], iterations, mode)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * expected.max())


@pytest.mark.slow
@pytest.mark.parametrize("psf", PSFS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_halo_is_enough_for_many_iterations(kind: str, psf: str) -> None:
    image = specimen(kind, (200, 180), 5)
    for iterations in (10, 40):
        whole = richardson_lucy(lazy(image, -1), PSFS[psf], iterations).compute()
        chunked = richardson_lucy(lazy(image, (64, 45)), PSFS[psf], iterations).compute()
        np.testing.assert_allclose(chunked, whole, rtol=0, atol=2e-6 * whole.max())


@pytest.mark.slow
def test_deconvolution_is_scikit_images_where_its_zeros_outside_are_not_seen() -> None:
    image = specimen("noise", (70, 80), 2) / 65_535
    psf, iterations = PSFS["narrow"], 4
    expected = skimage.restoration.richardson_lucy(image, psf, iterations, clip=False)
    found = richardson_lucy(lazy(image, (23, 31)), psf, iterations).compute()
    inner = (slice(24, -24),) * 2
    np.testing.assert_allclose(found[inner], expected[inner], rtol=0, atol=2e-5 * expected.max())


def test_deconvolution_in_three_axes_and_bright_beside_dark() -> None:
    image = np.full((12, 14, 16), 1e-3)
    image[6, 7, 8] = 1e6
    blurred = ndi.convolve(image, gaussian_psf(1, 2, 3), mode="reflect")
    found = richardson_lucy(lazy(blurred, (6, 14, 8)), gaussian_psf(1, 2, 3), 8).compute()
    assert np.unravel_index(found.argmax(), found.shape) == (6, 7, 8)
    assert found.min() >= 0
    assert found.max() > 4 * blurred.max()
    assert found.sum() == pytest.approx(blurred.sum(), rel=1e-3), "light is neither made nor lost"


def test_a_psf_of_one_voxel_changes_nothing() -> None:
    image = specimen("noise", (9, 9), 0)
    found = richardson_lucy(lazy(image, 4), [[3]], 5)
    assert richardson_lucy_depth([[3]], 5) == (0, 0)
    np.testing.assert_allclose(found, image, rtol=1e-6)


@pytest.mark.parametrize("psf", PSFS)
def test_the_halo_leaves_out_a_known_share_and_never_exceeds_what_is_reached(psf: str) -> None:
    weights = PSFS[psf] / PSFS[psf].sum()
    for iterations in (1, 3, 8):
        depth = richardson_lucy_depth(PSFS[psf], iterations)
        assert all(
            d <= 2 * (n // 2) * iterations for d, n in zip(depth, weights.shape, strict=True)
        )
        spread = np.ones((1, 1))
        for _ in range(iterations):
            spread = ndi.correlate(
                ndi.convolve(np.pad(spread, 12), weights, mode="constant"), weights, mode="constant"
            )
        middle = tuple(n // 2 for n in spread.shape)
        for axis, d in enumerate(depth):
            along = spread.sum(axis=1 - axis)
            inside = along[middle[axis] - d : middle[axis] + d + 1].sum()
            assert 1 - inside <= LEFT_OUT + 1e-12
