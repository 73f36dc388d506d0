"""Overlapping tiles: offsets recovered from real images, and fused back to the original."""

from itertools import product
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from tiles import CutImage, cut_images

from data_helpers.samples import load_nuclei_data, load_timelapse_data
from data_helpers.stitching import estimate_offsets, fuse, lazy_stitch
from data_helpers.stitching.links import measure_link


def real_image(name: str) -> NDArray[Any]:
    """A frame of the time-lapse, a plane of the nuclei, or all of the nuclei."""
    if name == "time-lapse":
        return np.asarray(load_timelapse_data(array_type="numpy")[0])
    nuclei = np.asarray(load_nuclei_data(array_type="numpy"))
    return nuclei[30] if name == "nuclei plane" else nuclei[10:50]


def falloff(shape: tuple[int, ...], amount: float) -> NDArray[np.float64]:
    """Illumination that is 1 in the middle and lower towards every edge."""
    light = np.ones(shape)
    for axis, length in enumerate(shape):
        away = np.linspace(-1, 1, length).reshape(
            [-1 if n == axis else 1 for n in range(len(shape))]
        )
        light = light * (1 - amount * away**2)
    return light


def cut_overlapping(
    image: NDArray[Any],
    grid: tuple[int, ...],
    size: tuple[int, ...],
    overlap: int,
    *,
    jitter: int = 0,
    amount: float = 0.0,
    seed: int = 0,
) -> tuple[list[NDArray[Any]], NDArray[Any], NDArray[Any]]:
    """Tiles of an image, where the stage says they are, and where they are."""
    rng = np.random.default_rng(seed)
    tiles, nominal, true = [], [], []
    for at in product(*map(range, grid)):
        planned = [
            n * (s - overlap) if g > 1 else 0 for n, s, g in zip(at, size, grid, strict=True)
        ]
        moved = rng.integers(-jitter, jitter + 1, len(size)) if any(at) else 0
        start = np.clip(np.add(planned, moved), 0, np.subtract(image.shape, size))
        tile = image[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))]
        tiles.append((tile * falloff(size, amount)).astype(image.dtype) if amount else tile)
        nominal.append(planned)
        true.append(start)
    return tiles, np.array(nominal), np.array(true)


CASES = {
    "time-lapse": ((3, 3), (190, 190), 30),
    "nuclei plane": ((2, 2), (140, 140), 26),
    "nuclei": ((1, 2, 2), (40, 140, 140), 26),
}


@pytest.mark.slow
@pytest.mark.parametrize("amount", [0.0, 0.3], ids=["even light", "light falls off"])
@pytest.mark.parametrize("name", CASES)
def test_shifts_of_real_tiles_are_found_to_less_than_half_a_pixel(name: str, amount: float) -> None:
    grid, size, overlap = CASES[name]
    tiles, nominal, true = cut_overlapping(
        real_image(name), grid, size, overlap, jitter=5, amount=amount
    )
    found = estimate_offsets(tiles, nominal, overlap=15)
    assert not found.unlinked
    assert np.abs(true - nominal).max() > 3
    assert np.abs(found.positions - true).max() < 0.5
    np.testing.assert_allclose(found.positions, nominal + found.shifts)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("blend", ["linear", "first", "max"])
def test_tiles_at_their_refined_positions_fuse_to_the_original(name: str, blend: Any) -> None:
    grid, size, overlap = CASES[name]
    image = real_image(name)
    tiles, nominal, true = cut_overlapping(image, grid, size, overlap, jitter=5)
    found = estimate_offsets(tiles, nominal, overlap=15)
    fused = fuse(tiles, found.positions, blend=blend).compute()
    low, high = true.min(axis=0), true.max(axis=0) + size
    covered = fuse([np.ones(size, "u1") for _ in tiles], true).compute().astype(bool)
    wanted = image[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    assert fused.dtype == image.dtype
    np.testing.assert_array_equal(fused, np.where(covered, wanted, 0))
    assert covered.mean() > 0.95


def test_where_nothing_is_blended_a_tile_keeps_its_values_even_in_uneven_light() -> None:
    image = real_image("nuclei plane").astype(np.float32)
    tiles, _, true = cut_overlapping(image, (2, 2), (140, 140), 26, amount=0.5)
    fused = fuse(tiles, true, blend="linear").compute()
    for tile, (y, x) in zip(tiles, true, strict=True):
        alone = (slice(30, 110), slice(30, 110))
        np.testing.assert_array_equal(fused[y : y + 140, x : x + 140][alone], tile[alone])


@pytest.mark.parametrize("shift", [(0.25, -0.4), (0.5, 0.5), (1.3, -2.7)])
def test_fractions_of_a_pixel_are_found(shift: tuple[float, float]) -> None:
    image = real_image("time-lapse").astype(float)
    moved = ndimage.shift(image, np.negative(shift), order=5, mode="reflect")
    tiles = [image[100:290, 100:290], moved[100:290, 260:450]]
    found = estimate_offsets(tiles, [(0, 0), (0, 160)], overlap=15)
    np.testing.assert_allclose(found.shifts[1], shift, atol=0.15)


TEXTURE = np.random.default_rng(0)
STRIPES = np.tile(np.sin(np.arange(200) / 3), (100, 1))


@pytest.mark.parametrize(
    ("image", "noise", "reason"),
    [
        (np.full((100, 200), 7.0), 0.0, "a tile is flat in the overlap"),
        (np.add.outer(np.arange(100.0), np.arange(200.0)), 0.0, "texture"),
        (np.full((100, 200), 100.0), 5.0, "no common texture: correlation 0"),
        (STRIPES, 0.0, "no texture along axis 0"),
        (STRIPES, 0.05, "no texture along axis 0"),
        (STRIPES[:, :100].T.repeat(2, axis=1), 0.0, "no texture along axis 1"),
    ],
    ids=["flat", "ramp", "noise", "stripes", "noisy stripes", "other stripes"],
)
def test_a_link_without_texture_moves_nothing_and_says_why(
    image: NDArray[Any], noise: float, reason: str
) -> None:
    first = image[:, :110] + TEXTURE.normal(0, noise, (100, 110))
    second = image[:, 90:] + TEXTURE.normal(0, noise, (100, 110))
    found = estimate_offsets([first, second], [(0, 0), (0, 88)], overlap=15)
    assert reason in found.links[0].reason
    assert not found.links[0].used
    assert found.unlinked == (0, 1)
    np.testing.assert_array_equal(found.positions, [(0, 0), (0, 88)])


def test_a_tile_without_texture_stays_while_the_others_move() -> None:
    image = TEXTURE.normal(100, 10, (60, 200))
    tiles = [image[:, :60], image[:, 42:102], np.full((60, 60), 100.0)]
    found = estimate_offsets(tiles, [(0, 0), (0, 40), (0, 80)], overlap=12)
    np.testing.assert_allclose(found.shifts, [(0, 0), (0, 2), (0, 0)], atol=0.1)
    assert found.unlinked == (2,)


def test_a_link_that_contradicts_the_others_is_left_out() -> None:
    image = TEXTURE.normal(100, 10, (130, 130))
    starts = [(0, 0), (0, 50), (50, 0), (50, 50)]
    tiles = [image[y : y + 75, x : x + 75].copy() for y, x in starts]
    # What tiles 2 and 3 share looks alike, but is shifted by four pixels.
    ghost = np.roll(tiles[2][25:, 50:], 4, axis=0)
    tiles[3][25:, :25] = ghost + TEXTURE.normal(0, 4, ghost.shape)
    found = estimate_offsets(tiles, starts, overlap=20)
    (bad,) = [link for link in found.links if not link.used]
    assert (bad.first, bad.second) == (2, 3)
    assert "contradicts the other links" in bad.reason
    np.testing.assert_allclose(found.positions, starts, atol=0.1)
    assert found.table().query("reason == ''").residual.max() < 0.2
    assert found.table().residual.isna().sum() == 1


def test_better_links_weigh_more() -> None:
    from data_helpers.stitching.links import Link
    from data_helpers.stitching.offsets import _least_squares

    links = [
        Link(0, 1, (10.0,), (10.0,), 1.0),
        Link(1, 2, (10.0,), (10.0,), 1.0),
        Link(0, 2, (20.0,), (23.0,), 0.1),
    ]
    shifts = _least_squares(np.array([[0.0], [10.0], [20.0]]), links)
    # Minimum of u1² + (u2 - u1)² + 0.01 (u2 - 3)²: u2 = 2 u1, u1 = 0.06 / 2.04
    np.testing.assert_allclose(shifts.ravel(), [0, 0.03 / 1.02, 0.06 / 1.02])


def test_groups_of_tiles_that_do_not_touch_each_keep_their_first_tile() -> None:
    image = TEXTURE.normal(100, 10, (60, 200))
    tiles = [image[:, :60], image[:, 41:101], image[:, :60], image[:, 43:103]]
    nominal = [(0, 0), (0, 40), (500, 0), (500, 40)]
    found = estimate_offsets(tiles, nominal, overlap=12)
    np.testing.assert_allclose(found.shifts, [(0, 0), (0, 1), (0, 0), (0, 3)], atol=0.1)
    assert len(found.links) == 2


def test_only_the_overlaps_are_read() -> None:
    image = TEXTURE.normal(100, 10, (60, 110))

    class Watched:
        def __init__(self, tile: NDArray[Any]) -> None:
            self.tile, self.shape, self.read = tile, tile.shape, 0

        def __getitem__(self, index: Any) -> NDArray[Any]:
            part = self.tile[index]
            self.read += part.size
            return part

    tiles = [Watched(image[:, :60]), Watched(image[:, 42:102])]
    estimate_offsets(tiles, [(0, 0), (0, 40)], overlap=12)
    assert [tile.read for tile in tiles] == [60 * 20, 60 * 20]


@pytest.mark.parametrize(
    ("positions", "overlap", "message"),
    [
        ([(0, 0)], 4, "one row of positions per tile"),
        ([(0,), (5,)], 4, "one column per axis"),
        ([(0, 0), (0, np.nan)], 4, r"positions of tiles \[1\] are not finite"),
        ([(0, 0), (0, 500)], 4, "no two of 2 tiles overlap by 4 pixels"),
        ([(0, 0), (0, 18)], 4, "no two of 2 tiles overlap by 4 pixels"),
        ([(0, 0), (0, 10)], 1, "at least 2 pixels"),
    ],
)
def test_positions_that_cannot_be_are_refused(positions: Any, overlap: int, message: str) -> None:
    tiles = [np.zeros((20, 20))] * 2
    with pytest.raises(ValueError, match=message):
        estimate_offsets(tiles, positions, overlap=overlap)


# Fusing


def fused_whole(
    tiles: list[NDArray[Any]], positions: NDArray[Any], blend: str
) -> NDArray[np.float64]:
    """Pixel by pixel, without chunks: what `fuse` should give, as float64, 0 where nothing is."""
    corners = np.floor(np.asarray(positions) + 0.5).astype(int)
    corners -= corners.min(axis=0)
    shape = np.max(
        [corner + tile.shape for corner, tile in zip(corners, tiles, strict=True)], axis=0
    )
    out = np.zeros(shape)
    for pixel in np.ndindex(*shape):
        values, weights = [], []
        for corner, tile in zip(corners, tiles, strict=True):
            at = np.subtract(pixel, corner)
            if (at >= 0).all() and (at < tile.shape).all():
                values.append(float(tile[tuple(at)]))
                weights.append(np.prod(np.minimum(at, np.subtract(tile.shape, at) - 1) + 1.0))
        if len(values) == 1 or (values and blend == "first"):
            out[pixel] = values[0]
        elif values:
            mean = np.dot(values, weights) / np.sum(weights)
            out[pixel] = max(values) if blend == "max" else mean
    return out


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_fusing_chunk_by_chunk_equals_fusing_pixel_by_pixel(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    ndim = data.draw(st.integers(1, 3))
    dtype = data.draw(st.sampled_from(["uint8", "int16", "float32"]))
    count = data.draw(st.integers(1, 4))
    tiles = [rng.integers(0, 100, rng.integers(1, 6, ndim)).astype(dtype) for _ in range(count)]
    positions = rng.uniform(-4, 4, (count, ndim))
    blend = data.draw(st.sampled_from(["linear", "first", "max"]))
    chunks = data.draw(st.none() | st.tuples(*[st.integers(1, 7)] * ndim))
    sources = [
        data.draw(st.sampled_from([lambda t: t, _in_zarr, lambda t: da.from_array(t, chunks=2)]))(t)
        for t in tiles
    ]
    fused = fuse(sources, positions, blend=blend, chunks=chunks)
    wanted = fused_whole(tiles, positions, blend)
    values = fused.compute(scheduler="sync")
    assert values.dtype == fused.dtype == np.dtype(dtype)
    assert values.shape == fused.shape == wanted.shape
    if dtype == "float32":
        np.testing.assert_allclose(values, wanted, rtol=1e-6)
    else:
        # a mean that ends on a half may be rounded either way
        assert np.abs(values - wanted).max() <= 0.5 + 1e-9


def _in_zarr(tile: NDArray[Any]) -> zarr.Array[Any]:
    array = zarr.create_array({}, shape=tile.shape, chunks=(2,) * tile.ndim, dtype=tile.dtype)
    array[...] = tile
    return array


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@pytest.mark.filterwarnings("ignore:along axis")  # any cut is meant here
@given(cut_images(min_dims=2))
def test_tiles_that_only_touch_fuse_to_what_stitching_gives(cut: CutImage) -> None:
    parts = [cut.image[place] for place in cut.places.values()]
    corners = [[side.start for side in place] for place in cut.places.values()]
    fused = fuse(parts, corners)
    np.testing.assert_array_equal(fused.compute(scheduler="sync"), cut.image)
    lazy = lazy_stitch(
        cut.order, cut.pattern, cut.axes, reader=cut.reader, verify=True, expected=cut.values
    )
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), fused.compute(scheduler="sync"))


def test_a_chunk_reads_only_the_tiles_it_meets_and_only_that_part() -> None:
    class Watched:
        dtype, shape = np.dtype("u1"), (10, 10)

        def __init__(self) -> None:
            self.read: list[int] = []

        def __getitem__(self, index: Any) -> NDArray[Any]:
            part = np.ones((10, 10), "u1")[index]
            self.read.append(part.size)
            return part

    tiles = [Watched() for _ in range(4)]
    fused = fuse(tiles, [(0, 0), (0, 8), (0, 16), (0, 24)], chunks=(5, 12))
    assert fused.blocks[0, 0].compute(scheduler="sync").sum() == 60
    assert [tile.read for tile in tiles] == [[50], [20], [], []]


def test_where_there_is_no_tile_there_is_the_fill_value() -> None:
    tiles = [np.ones((2, 2), "f4")] * 2
    fused = fuse(tiles, [(0, 0), (2, 2)], fill=np.nan).compute()
    assert np.isnan(fused[:2, 2:]).all()
    assert (fused[:2, :2] == 1).all()


@pytest.mark.parametrize(
    ("tiles", "how", "message"),
    [
        ([np.zeros((2, 2), "u1"), np.zeros((2, 2), "u2")], {}, r"\['uint16', 'uint8'\]"),
        ([np.zeros((2, 2), "u1")] * 2, {"blend": "mean"}, "expected one of linear, first, max"),
        ([np.zeros((2, 2), "u1")] * 2, {"fill": -1}, "fill is -1, which uint8 cannot hold"),
        ([np.zeros((2, 2), "u1")] * 2, {"chunks": (2,)}, "chunks"),
        ([np.zeros((2, 2), "u1")], {}, "one row of positions per tile"),
        ([np.zeros((2, 2), "u1"), np.zeros(2, "u1")], {}, "the same number of axes"),
    ],
)
def test_tiles_that_cannot_be_fused_are_refused(tiles: Any, how: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fuse(tiles, [(0, 0), (0, 1)], **how)


def test_dask_tells_fused_images_apart_by_how_they_were_fused() -> None:
    tiles, positions = [np.zeros((4, 5), "uint8")], [(0, 0)]
    names = {
        fuse(tiles, positions, blend=blend, fill=fill).name
        for blend in ("linear", "max")
        for fill in (0, 1)
    }
    assert len(names) == 4
    assert fuse(tiles, positions).name in names


def test_a_nominal_position_between_pixels_does_not_change_what_is_measured() -> None:
    image = np.random.default_rng(0).normal(100, 10, (60, 80))
    tiles = [image[:, :48], image[:, 32:]]
    found = estimate_offsets(tiles, [(0, 0), (0, 30.4)], overlap=12)
    np.testing.assert_allclose(found.positions, [(0, 0), (0, 32)], atol=0.1)


def test_noise_alone_is_no_link_however_little_correlation_is_asked_for() -> None:
    noise = np.random.default_rng(0).normal(size=(2, 24, 24))
    _, quality, reason = measure_link(noise[0], noise[1], min_quality=0.0)
    assert 0 < quality < 0.2
    assert "no common texture" in reason
