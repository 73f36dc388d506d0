"""The synthetic data: blocks equal the whole bit for bit, and it looks like what it stands for."""

import re
import stat
import sys
import tracemalloc
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from data_helpers.phantoms import make_tiles, phantom_heart, phantom_raster
from data_helpers.phantoms.anatomy import _BOX, heart_in, may_hold_heart, swelling
from data_helpers.phantoms.noise import octave, octaves, plane_noise, speckle
from data_helpers.phantoms.tiles import FAULTS

# Longer than a tile along one axis or more, ragged, flat, and a single voxel.
HEART_SHAPES = [(37, 70, 131), (66, 9, 65), (1, 1, 1), (5, 129, 3), (40, 40, 40)]
RASTER_SHAPES = [(131, 517), (1, 1), (300, 7), (64, 64)]
BIG = (4096, 4096, 4096)

whole_heart = lru_cache(maxsize=None)(phantom_heart)
whole_raster = lru_cache(maxsize=None)(phantom_raster)


def blocks(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[slice, ...]]:
    """Any block of a shape, empty ones and single voxels included."""
    bounds = (st.lists(st.integers(0, n), min_size=2, max_size=2).map(sorted) for n in shape)
    return st.tuples(*bounds).map(lambda pairs: tuple(slice(a, b) for a, b in pairs))


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_block_of_the_heart_equals_the_same_block_of_the_whole(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(HEART_SHAPES))
    seed = data.draw(st.sampled_from([0, 7]))
    block = data.draw(blocks(shape))
    part = phantom_heart(shape, seed=seed, block=block)
    np.testing.assert_array_equal(part, whole_heart(shape, seed=seed)[block])


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_block_of_the_raster_equals_the_same_block_of_the_whole(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(RASTER_SHAPES))
    block = data.draw(blocks(shape))
    part = phantom_raster(shape, seed=3, block=block)
    # bits, not values: -0.0 and 0.0 would be equal as values
    assert part.tobytes() == np.ascontiguousarray(whole_raster(shape, seed=3)[block]).tobytes()


@pytest.mark.slow
@given(
    st.tuples(*[st.integers(0, 60)] * 3),
    st.tuples(*[st.integers(1, 20)] * 3),
    st.sampled_from([(1700, 2000, 1800), (2800, 1300, 2300), (300, 2000, 4016)]),
)
@settings(max_examples=15, deadline=None)
def test_blocks_of_a_volume_too_big_to_make_agree(
    offset: tuple[int, ...], size: tuple[int, ...], corner: tuple[int, ...]
) -> None:
    outer = big_block(corner)
    inner = tuple(
        slice(c + o, min(c + o + s, c + 80)) for c, o, s in zip(corner, offset, size, strict=True)
    )
    here = tuple(slice(o, min(o + s, 80)) for o, s in zip(offset, size, strict=True))
    np.testing.assert_array_equal(phantom_heart(BIG, block=inner), outer[here])


@cache
def big_block(corner: tuple[int, int, int]) -> np.ndarray:
    return phantom_heart(BIG, block=tuple(slice(c, c + 80) for c in corner))


def test_negative_and_open_slices_mean_what_they_mean_in_numpy() -> None:
    block = (slice(-5, None), slice(None, 4), slice(None))
    whole = whole_heart((40, 40, 40))
    np.testing.assert_array_equal(phantom_heart((40, 40, 40), block=block), whole[block])


def test_the_heart_holds_air_gel_muscle_contrast_and_a_container() -> None:
    image = whole_heart((96, 96, 96))
    share = {
        "air": (image < 18).mean(),
        "gel": ((image > 20) & (image < 40)).mean(),
        "muscle": ((image > 85) & (image < 135)).mean(),
        "contrast": (image > 160).mean(),
    }
    assert 0.1 < share["air"] < 0.4
    assert 0.3 < share["gel"] < 0.7
    assert 0.04 < share["muscle"] < 0.2
    assert 0.02 < share["contrast"] < 0.15


def test_the_container_is_a_ring_at_every_height() -> None:
    image = whole_heart((96, 96, 96))
    y = (np.arange(96) + 0.5) / 48 - 1
    ring = np.abs(np.hypot(y[:, None], y) - 0.952) < 0.004
    assert image[ring].min() > 150


def test_the_same_seed_is_the_same_heart_at_another_size() -> None:
    small = whole_heart((48, 48, 48)).astype(float)
    large = whole_heart((96, 96, 96)).astype(float)
    shrunk = large.reshape(48, 2, 48, 2, 48, 2).mean(axis=(1, 3, 5))
    assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.95


@pytest.mark.slow
def test_another_seed_is_another_heart() -> None:
    one, other = (phantom_heart((48, 48, 48), seed=seed).astype(float) for seed in (0, 1))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.95


@pytest.mark.parametrize("corner", [(1700, 2000, 1800), (2000, 3000, 3000), (2000, 3300, 1000)])
def test_a_huge_volume_is_not_smooth_when_zoomed(corner: tuple[int, int, int]) -> None:
    # Along z, where no ring changes. In muscle, and twice in gel, the smoothest there is.
    window = phantom_heart(BIG, block=tuple(slice(c, c + 32) for c in corner)).astype(float)
    assert np.diff(window, axis=2).std() > 3
    # Noise without memory would leave 2.6 / 8 grey values in the mean of 4 x 4 x 4 voxels.
    means = window.reshape(8, 4, 8, 4, 8, 4).mean(axis=(1, 3, 5))
    assert np.diff(means, axis=2).std() > 0.57 > 1.2 * np.sqrt(2) * 2.6 / 8


def test_the_scan_has_rings_around_its_axis() -> None:
    air = phantom_heart((128, 128, 128), block=(slice(0, 12), slice(0, 12), slice(None)))
    profile = air.astype(float).mean(axis=2)  # speckle falls to 2.6 / sqrt(128) = 0.23
    assert profile.std() > 0.5
    x = np.arange(12) + 0.5 - 64
    radius = np.floor(np.hypot(x[:, None], x)).astype(int)
    within = [profile[radius == r].std() for r in np.unique(radius) if (radius == r).sum() > 3]
    assert np.mean(within) < 0.4


@pytest.mark.parametrize("seed", range(4))
def test_no_part_of_the_heart_lies_outside_the_box_that_is_searched(seed: int) -> None:
    shape = (56, 56, 56)
    ranges = tuple((0, n) for n in shape)
    axes = [((np.arange(n) + 0.5) * 2 / n - 1).astype(np.float32) for n in shape]
    heart = heart_in(
        axes,
        ranges,
        shape,
        seed,
        swelling(seed + 1000, ranges, shape),
        octaves(seed + 2000, ranges, shape, first=8, last=128, gain=0.72),
    )
    # Coronary vessels are painted inside fat and muscle only.
    parts = [heart.fat, heart.walls, heart.muscle, heart.chambers]
    touched = np.minimum.reduce(parts) < 2 / 56  # what is painted, and a voxel more
    for axis, (low, high) in enumerate(_BOX):
        outside = (axes[axis] < low) | (axes[axis] > high)
        assert not np.moveaxis(touched, axis, 0)[outside].any()
    assert may_hold_heart(axes)
    assert not may_hold_heart([axes[0][:3], axes[1], axes[2]])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_block() -> None:
    block = (slice(1700, 1828), slice(2000, 2128), slice(1800, 1928))
    phantom_heart(BIG, block=(slice(1700, 1701),) * 3)  # the vessels' tree is made once
    tracemalloc.start()
    phantom_heart(BIG, block=block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 2**20 + 30e6  # the result, and one tile's intermediate results


def test_speckle_is_normal_and_forgets_its_neighbours() -> None:
    noise = speckle(5, ((3, 67), (0, 64), (1, 65)))
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    for axis in range(3):
        one = np.delete(noise, 0, axis).ravel()
        other = np.delete(noise, -1, axis).ravel()
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.01


def test_an_octave_is_smooth_and_fills_its_range() -> None:
    noise = octave(1, ((0, 64),) * 3, (64,) * 3, (4, 4, 4))  # cells of 16 voxels
    assert -1 <= noise.min() < -0.7
    assert 0.7 < noise.max() <= 1
    # steepest: 2 per cell, 1.5 times that in the middle of a smooth step
    assert np.abs(np.diff(noise, axis=1)).max() <= 1.5 * 2 / 16


def test_more_voxels_have_more_octaves() -> None:
    window = ((500, 516),) * 3
    for length in (512, 1024, 4096):
        noise = octaves(2, window, (length,) * 3, first=4, gain=0.7)
        assert np.diff(noise, axis=0).std() > 0.01
    smooth = octaves(2, window, (4096,) * 3, first=4, last=8, gain=0.7)
    assert 0 < np.diff(smooth, axis=0).std() < 0.01


def test_an_octave_finer_than_two_voxels_is_left_out() -> None:
    ranges = ((0, 16),) * 3
    assert not octaves(2, ranges, (16,) * 3, first=9, gain=1).any()
    assert octaves(2, ranges, (16,) * 3, first=8, gain=1).any()


def test_noise_in_a_plane_joins_its_cells() -> None:
    u = np.linspace(-3, 3, 6001, dtype=np.float32)
    noise = plane_noise(0, u, np.full_like(u, 0.5))
    assert np.ptp(noise) > 0.4
    assert np.abs(np.diff(noise)).max() < 0.01


def test_terrain_has_hills_and_no_steps() -> None:
    land = whole_raster((300, 400), seed=1)
    assert np.ptp(land) > 300
    assert np.abs(np.diff(land, axis=1)).max() < 60
    assert land.dtype == np.float32


@pytest.mark.parametrize(
    ("make", "shape", "block", "message"),
    [
        (phantom_heart, (8, 8), None, r"shape is \(8, 8\), expected three axes"),
        (phantom_raster, (8, 8, 8), None, r"shape is \(8, 8, 8\), expected two axes"),
        (phantom_heart, (8, -1, 8), None, "no negative length"),
        (phantom_heart, (8, 8, 8), (slice(2),), "block has 1 slices, expected 3"),
        (phantom_raster, (8, 8), (slice(0, 8, 2), slice(8)), "slices with step 1"),
    ],
)
def test_a_shape_or_block_that_cannot_be_is_refused(make, shape, block, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(shape, block=block)


NAME = re.compile(
    r"ex6-2_CamA_ch(?P<c>\d+)_CAM1_stack(?P<stack>\d{4})_\d+nm_\d{7}msec_\d{10}msecAbs_"
    r"(?P<x>\d{3})x_(?P<y>\d{3})y_(?P<z>\d{3})z_(?P<t>\d{4})t\.tif"
)


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_tiles_put_together_are_the_image(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ndim = data.draw(st.integers(2, 5))
    shape = data.draw(st.tuples(*[st.integers(1, 3)] * (ndim - 2), *[st.integers(4, 9)] * 2))
    space = shape[-3:]
    grid = tuple(data.draw(st.integers(1, min(n, 3))) for n in space)
    overlap = tuple(data.draw(st.integers(0, n // g)) for n, g in zip(space, grid, strict=True))
    image = np.random.default_rng(0).integers(0, 60000, shape, dtype=np.uint16)
    folder = tmp_path_factory.mktemp("tiles")
    paths = make_tiles(folder, image=image, grid=grid, overlap=overlap)

    assert sorted(paths) == sorted(folder.iterdir())
    assert paths == sorted(paths, key=indices)
    again = np.zeros_like(image)
    for path in paths:
        c, t, *place = indices(path)
        lead = (c, t)[2 - (ndim - len(space)) :]
        region = [
            slice(max(0, start(n, g, i) - w), start(n, g, i + 1))
            for n, g, w, i in zip(space, grid, overlap, place[-len(space) :], strict=True)
        ]
        target = again[(*lead, *region)]
        target[...] = tifffile.imread(path).reshape(target.shape)
    np.testing.assert_array_equal(again, image)


def start(length: int, count: int, number: int) -> int:
    """Where a tile would begin without overlap: the first tiles are the longer ones."""
    return sum(length // count + (tile < length % count) for tile in range(number))


def indices(path: Path) -> tuple[int, ...]:
    """Channel, time, z, y and x, as the name has them."""
    found = NAME.fullmatch(path.name)
    assert found, path.name
    return tuple(int(found[axis]) for axis in "ctzyx")


IMAGE = np.arange(2 * 3 * 4 * 8 * 10, dtype=np.uint16).reshape(2, 3, 4, 8, 10)


def test_a_missing_tile_has_no_file(tmp_path: Path) -> None:
    paths = make_tiles(tmp_path, image=IMAGE, faults={"missing": 5})
    assert len(paths) == 2 * 3 * 2 * 2 - 1
    assert (0, 1, 0, 0, 1) not in map(indices, paths)
    assert all(path.exists() for path in paths)


def test_a_short_tile_lacks_a_plane(tmp_path: Path) -> None:
    path = make_tiles(tmp_path, image=IMAGE, faults={"short": 1})[1]
    assert tifffile.imread(path).shape == (3, 4, 5)


def test_a_corrupt_tile_has_sound_headers_and_cannot_be_decoded(tmp_path: Path) -> None:
    path = make_tiles(tmp_path, image=IMAGE, faults={"corrupt": 0})[0]
    with tifffile.TiffFile(path) as file:
        assert file.series[0].shape == (4, 4, 5)
        assert file.series[0].dtype == np.uint16
        with pytest.raises(Exception, match=r"(?i)decompress|invalid|zlib|deflate|header"):
            file.asarray()


def test_a_duplicate_has_the_same_indices_and_another_name(tmp_path: Path) -> None:
    paths = make_tiles(tmp_path, image=IMAGE, faults={"duplicate": 2})
    assert len(paths) == 25
    assert indices(paths[2]) == indices(paths[3])
    assert paths[2] != paths[3]
    np.testing.assert_array_equal(tifffile.imread(paths[2]), tifffile.imread(paths[3]))


@pytest.mark.parametrize(("dtype", "found"), [(np.uint16, np.float32), (np.float32, np.float64)])
def test_a_tile_of_the_wrong_dtype(tmp_path: Path, dtype: type, found: type) -> None:
    paths = make_tiles(tmp_path, image=IMAGE.astype(dtype), faults={"wrong_dtype": 3})
    assert tifffile.imread(paths[3]).dtype == found
    assert tifffile.imread(paths[2]).dtype == dtype


def test_an_empty_file_and_a_text(tmp_path: Path) -> None:
    paths = make_tiles(tmp_path, image=IMAGE, faults={"empty": 0, "not_tiff": 1})
    assert paths[0].stat().st_size == 0
    for path in paths[:2]:
        with pytest.raises(tifffile.TiffFileError):
            tifffile.imread(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = make_tiles(tmp_path, image=IMAGE, faults={"no_permission": 0})[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0


@pytest.mark.slow
def test_all_faults_at_once_strike_different_files(tmp_path: Path) -> None:
    paths = make_tiles(tmp_path, faults=FAULTS)
    assert len(paths) == 2 * 3 * 2 * 2  # one missing, one twice
    sound = 0
    for path in paths:
        try:
            pixels = tifffile.imread(path)
        except Exception:
            continue
        sound += pixels.shape == (8, 48, 64) and pixels.dtype == np.uint16
    # An administrator may read the one without permission.
    assert sound - 24 + (len(FAULTS) - 2) in {0, 1, 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": np.zeros(5)}, "image has 1 axes, expected 2 to 5"),
        ({"grid": (2, 2)}, r"need 3 numbers each, one per spatial axis of \(8, 96, 128\)"),
        ({"grid": (9, 1, 1)}, "9 tiles along an axis of 8 voxels"),
        ({"grid": (0, 1, 1)}, "0 tiles along an axis of 8 voxels"),
        ({"overlap": 49}, "overlap is 49, expected 0 to 48"),
        ({"faults": ["lost"]}, "faults has 'lost', expected some of: missing, short"),
        ({"faults": "missing"}, r"the string 'missing', expected a list such as \['missing'\]"),
        ({"faults": {"short": 24}}, "expected 1 different ones of 0 to 23"),
        ({"faults": {"short": 1, "empty": 1}}, "expected 2 different ones"),
        ({"name": "tile.tif"}, "24 tiles would get 1 names from 'tile.tif'"),
        (
            {"name": "{channel}_{t}_{z}_{y}_{x}.tif", "faults": ["duplicate"]},
            "a duplicate needs a field msec",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_tiles(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()
