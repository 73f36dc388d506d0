"""Touching objects split chunk by chunk: equal to the whole image, or refused."""

from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st
from memory import peak_of
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from strategies import irregular_chunks_for, shapes

from data_helpers.dask_operations import segment
from data_helpers.objects import (
    depth_needed,
    fill_holes,
    label,
    match_objects,
    remove_small_objects,
    renumber,
    split_touching,
)
from data_helpers.objects.watershed import distances, find_seeds
from data_helpers.samples import load_nuclei_data, load_nuclei_labels, sample_info

Image = NDArray[np.bool_]


@st.composite
def blobs(draw: st.DrawFn) -> Image:
    """Roundish objects, many of them touching, some cut by the edge."""
    shape = draw(shapes(max_dims=3, min_side=1, max_side=14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    smooth = ndi.gaussian_filter(rng.random(shape), draw(st.sampled_from([0.6, 1.0, 1.5])))
    return np.asarray(smooth > np.quantile(smooth, draw(st.sampled_from([0.4, 0.6, 0.8]))))


def voxel_sizes(ndim: int) -> st.SearchStrategy[tuple[float, ...]]:
    """Sides whose squares are no round numbers, among others."""
    return st.tuples(*(st.sampled_from([0.26, 0.29, 1.0, 1.7]) for _ in range(ndim)))


def disks(*centres: tuple[float, float], radius: float = 5, shape: Any = (24, 48)) -> Image:
    """An image of disks."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    hit = [(y - row) ** 2 + (x - column) ** 2 <= radius**2 for row, column in centres]
    return np.asarray(np.any(hit, axis=0))


def brute_depth(mask: Image, chunks: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The oracle: every chunk, every object in it, how far it reaches."""
    labels = ndi.label(mask, np.ones((3,) * mask.ndim))[0]
    depth = [0] * mask.ndim
    ends = [np.cumsum([0, *sizes]) for sizes in chunks]
    for place in np.ndindex(*map(len, chunks)):
        core = [(int(e[at]), int(e[at + 1])) for e, at in zip(ends, place, strict=True)]
        for number in set(labels[tuple(slice(*c) for c in core)].ravel().tolist()) - {0}:
            for axis, where in enumerate(np.nonzero(labels == number)):
                low = max(where.min() - 1, 0)  # with the background before and behind it
                high = min(where.max() + 2, mask.shape[axis])
                depth[axis] = max(depth[axis], core[axis][0] - low, high - core[axis][1])
    return tuple(int(along) for along in depth)


# Equal to the whole image


@pytest.mark.slow
@given(blobs(), st.data())
def test_any_chunks_give_what_the_whole_image_gives_and_one_voxel_less_depth_is_refused(
    mask: Image, data: st.DataObject
) -> None:
    options: dict[str, Any] = {
        "voxel_size": data.draw(voxel_sizes(mask.ndim)),
        "prominence": data.draw(st.sampled_from([0.0, 0.1, 0.5])),
    }
    chunks = data.draw(irregular_chunks_for(mask.shape))
    lazy = da.from_array(mask, chunks)
    depth = depth_needed(lazy)
    assert depth == brute_depth(mask, chunks)
    expected = split_touching(mask, **options)
    found = split_touching(lazy, depth=depth, **options)
    assert found.chunks == chunks
    assert found.dtype == expected.dtype == np.int64
    np.testing.assert_array_equal(found.compute(scheduler="sync"), expected)
    for axis in np.flatnonzero(depth):
        less = [along - (at == axis) for at, along in enumerate(depth)]
        with pytest.raises(ValueError, match=f"end of the halo on axis {axis} .*depth_needed"):
            split_touching(lazy, depth=less, **options).compute(scheduler="sync")


@given(blobs(), st.data())
def test_parts_are_connected_tile_their_object_and_hold_one_seed_each(
    mask: Image, data: st.DataObject
) -> None:
    sides = data.draw(voxel_sizes(mask.ndim))
    parts = split_touching(mask, prominence=0.3, voxel_size=sides)
    np.testing.assert_array_equal(parts > 0, mask)
    seeds, count = find_seeds(mask, distances(mask, sides), 0.3)
    numbers = np.unique(parts[parts > 0])
    assert len(numbers) == count
    around = np.ones((3,) * mask.ndim)
    for number in numbers:
        assert ndi.label(parts == number, around)[1] == 1
        assert len(np.unique(seeds[(parts == number) & (seeds > 0)])) == 1
        first = np.flatnonzero((parts == number) & (seeds > 0))[0]
        assert number == first + 1, "the number is the place of the seed"


@given(blobs(), st.data())
def test_distances_are_those_of_scipy(mask: Image, data: st.DataObject) -> None:
    sides = data.draw(voxel_sizes(mask.ndim))
    if mask.all():
        mask[(0,) * mask.ndim] = False
    expected = ndi.distance_transform_edt(mask, sampling=sides)
    np.testing.assert_allclose(distances(mask, sides), expected, rtol=1e-5)


def test_what_lies_in_other_objects_changes_nothing() -> None:
    image = disks((12, 8), (12, 16), (12, 36))
    alone = image.copy()
    alone[:, 28:] = False
    both = split_touching(image, prominence=0.5)
    np.testing.assert_array_equal(both[:, :28], split_touching(alone, prominence=0.5)[:, :28])


# What it does


def test_two_disks_that_touch_are_two_and_one_disk_is_one() -> None:
    image = disks((12, 8), (12, 17), (12, 36))
    assert label(image).max() == 2
    parts = renumber(split_touching(image, prominence=0.5))
    assert parts.max() == 3
    assert len({parts[12, 8], parts[12, 17], parts[12, 36]}) == 3
    # the cut is where the disks meet
    assert parts[12, 11] == parts[12, 8]
    assert parts[12, 14] == parts[12, 17]


def test_more_prominence_splits_less_in_units_of_the_voxel_size() -> None:
    image = disks((12, 8), (12, 16))
    counts = [len(np.unique(split_touching(image, prominence=p))) - 1 for p in (0, 0.5, 4)]
    assert counts == sorted(counts, reverse=True)
    assert counts[1:] == [2, 1]
    fine = split_touching(image, prominence=0.05, voxel_size=0.1)
    np.testing.assert_array_equal(fine, split_touching(image, prominence=0.5))


def test_where_voxels_are_longer_necks_are_narrower() -> None:
    image = disks((8, 24), (16, 24), shape=(24, 48))
    assert len(np.unique(split_touching(image, prominence=1.5))) - 1 == 1
    # rows 4 apart: the disks' middles are no further from the background, sideways, than before,
    # and rows beside the neck no longer count as close
    stretched = split_touching(image, prominence=1.5, voxel_size=(4.0, 1.0))
    flat = split_touching(image, prominence=0.2, voxel_size=(4.0, 1.0))
    assert len(np.unique(flat)) - 1 >= len(np.unique(stretched)) - 1


@pytest.mark.parametrize("value", [0, 1])
def test_empty_and_full_images_have_no_part_and_one(value: int) -> None:
    image = np.full((5, 6), value, "u1")
    expected = np.full((5, 6), value)
    np.testing.assert_array_equal(split_touching(image, prominence=1), expected)
    lazy = da.from_array(image, (2, 3))
    assert depth_needed(lazy) == ((4, 3) if value else (0, 0))
    found = split_touching(lazy, prominence=1, depth=(4, 3)).compute()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_a_halo_deeper_than_a_chunk_reads_more_chunks_and_rechunks_nothing() -> None:
    image = disks((12, 8), (12, 17), (12, 36))
    lazy = da.from_array(image, (5, 3))
    depth = depth_needed(lazy)
    assert depth[1] > 3 * 3
    found = split_touching(lazy, prominence=0.5, depth=depth)
    assert found.chunks == lazy.chunks
    np.testing.assert_array_equal(found.compute(), split_touching(image, prominence=0.5))
    own = [key for key in dict(found.dask) if str(key).startswith("('split-")]
    assert len(own) == lazy.npartitions, "one task per chunk"


# Refusals


def test_an_object_that_is_not_whole_is_refused_with_its_chunk_and_what_to_do() -> None:
    lazy = da.from_array(disks((12, 30)), (24, 16))
    with pytest.raises(ValueError, match=r"in chunk \[0:24, 16:32\] .*axis 1.*depth is \(3, 3\)"):
        split_touching(lazy, prominence=1, depth=3).blocks[0, 1].compute(scheduler="sync")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "depth is missing; .* depth_needed"),
        ({"depth": -1}, "depth .* is negative"),
        ({"depth": (1, 2, 3)}, "depth .* has 3 entries"),
        ({"depth": 3, "prominence": -0.1}, "prominence is -0.1; expected"),
        ({"depth": 3, "prominence": float("nan")}, "prominence is nan; expected"),
        ({"depth": 3, "voxel_size": (1, 2, 3)}, "voxel_size .* has 3 numbers"),
        ({"depth": 3, "voxel_size": 0}, "voxel_size is .*; expected lengths above 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split_touching(da.ones((8, 8), chunks=4, dtype=bool), **{"prominence": 1.0, **options})


def test_floats_and_arrays_of_other_kinds_are_refused() -> None:
    with pytest.raises(TypeError, match="float64; expected booleans or integers"):
        split_touching(np.ones((4, 4)), prominence=1)
    with pytest.raises(TypeError, match=r"ndarray; expected a Dask array"):
        depth_needed(np.ones((4, 4), bool))  # type: ignore[arg-type]


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    def fail(_block: Image) -> Image:
        raise RuntimeError("the source was computed")

    source: Any = da.zeros((8, 8), chunks=4, dtype=bool)
    source = da.map_blocks(fail, source, dtype=bool, meta=np.empty((0, 0), bool))
    lazy = split_touching(source, prominence=1, depth=2)
    with pytest.raises(RuntimeError, match="the source was computed"):
        lazy.compute(scheduler="sync")


# Memory

MEMORY = """
import dask, dask.array as da, numpy as np
from data_helpers.objects import split_touching

def pairs_of_balls(block_info=None):
    z, y, x = np.ogrid[tuple(slice(*ends) for ends in block_info[None]["array-location"])]
    around = (y % 16 - 8) ** 2 + (x % 16 - 8) ** 2
    return ((z % 32 - 8) ** 2 + around < 36) | ((z % 32 - 18) ** 2 + around < 36)

def largest(planes):
    chunks = ((64,) * (planes // 64), (64,), (64,))
    mask = da.map_blocks(pairs_of_balls, chunks=chunks, meta=np.empty((0, 0, 0), bool))
    return int(split_touching(mask, prominence=1, depth=24).max().compute())

with dask.config.set(scheduler="threads", num_workers=2):
    largest(64)
    start()
    found = largest({planes})
report(found)
"""


@pytest.mark.slow
def test_memory_of_a_split_does_not_grow_with_the_image() -> None:
    peaks = []
    for planes in (512, 2048):
        peak, (found,) = peak_of(MEMORY.replace("{planes}", str(planes)))
        seed = (planes - 32 + 18 - 1, 56, 56)  # the middle of the last ball
        assert abs(found - 1 - np.ravel_multi_index(seed, (planes, 64, 64))) < 2 * 64**2
        peaks.append(peak)
    # The parts of the longer image have 50 MB more.
    assert peaks[1] < peaks[0] + 30e6


# Real nuclei


@pytest.mark.slow
def test_real_nuclei_split_in_chunks_are_those_of_the_whole_and_agree_with_the_reference() -> None:
    nuclei, sides = load_nuclei_data("numpy"), sample_info("nuclei").voxel_size
    smooth = ndi.gaussian_filter(nuclei.astype("f4"), 2, mode="nearest")
    mask = ndi.binary_fill_holes(smooth > threshold_otsu(smooth))
    parts = remove_small_objects(split_touching(mask, prominence=0.6, voxel_size=sides), 500)

    lazy = fill_holes(segment(da.from_array(nuclei, (60, 128, 128)), sigma=2)).persist()
    split = split_touching(lazy, prominence=0.6, voxel_size=sides, depth=depth_needed(lazy))
    large = remove_small_objects(split.persist(), 500).persist()  # each is read twice
    chunked = renumber(large).compute()
    np.testing.assert_array_equal(chunked, renumber(parts))
    table = match_objects(chunked, load_nuclei_labels("numpy"))
    unsplit = match_objects(label(mask), load_nuclei_labels("numpy"))
    assert unsplit.loc[0.5, "recall"] < 0.6
    assert table.loc[0.5, "recall"] == 1
    assert table.loc[0.8, "precision"] > 0.85
