"""Connected components across chunks: every result against SciPy on the whole array."""

import pickle
import random
from itertools import product
from typing import Any

import dask.array as da
import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st
from memory import peak_of
from numpy.typing import NDArray
from strategies import irregular_chunks_for, shapes

from data_helpers.components import (
    Gathering,
    find_pieces,
    keep_lazily,
    label_block,
    label_dtype,
    label_lazily,
)
from data_helpers.grid import chunk_borders, grid_shape

Chunks = tuple[tuple[int, ...], ...]


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[np.bool_], Chunks, int]:
    """A random image of objects, any chunks, any connectivity."""
    shape = draw(shapes(max_dims=4, max_side=7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = rng.random(shape) < draw(st.sampled_from([0.2, 0.4, 0.6, 0.8]))
    return mask, draw(irregular_chunks_for(shape)), draw(st.integers(1, len(shape)))


def label_whole(mask: NDArray[Any], connectivity: int) -> NDArray[np.int32]:
    """The oracle: SciPy, all at once."""
    structure = ndi.generate_binary_structure(mask.ndim, connectivity)
    labels: NDArray[np.int32] = ndi.label(mask, structure)[0]
    return labels


def check(mask: NDArray[Any], chunks: Any, connectivity: int = 1) -> None:
    """Compare with the oracle."""
    lazy = label_lazily(da.from_array(mask, chunks), connectivity)
    found = lazy.compute(scheduler="sync")
    assert found.dtype == lazy.dtype == np.int32
    np.testing.assert_array_equal(found, label_whole(mask, connectivity))


def spiral(side: int) -> NDArray[np.bool_]:
    """One line of one pixel that winds inwards, with one pixel of background between its turns."""
    image = np.zeros((side, side), bool)
    row, column, step = 0, 0, (0, 1)
    low, high = 0, side - 1
    image[0, 0] = True
    while low < high:
        for step, stop in (((0, 1), high), ((1, 0), high), ((0, -1), low), ((-1, 0), low + 2)):
            while (column if step[0] == 0 else row) != stop:
                row, column = row + step[0], column + step[1]
                image[row, column] = True
        low, high = low + 2, high - 2
    return image


# Labels


@pytest.mark.slow
@given(cases())
def test_labels_are_those_of_scipy_whatever_the_chunks(
    case: tuple[NDArray[np.bool_], Chunks, int],
) -> None:
    mask, chunks, connectivity = case
    check(mask, chunks, connectivity)
    assert label_lazily(da.from_array(mask, chunks), connectivity).chunks == chunks


def test_the_spiral_of_the_tests_is_one_line() -> None:
    image = spiral(21)
    assert label_whole(image, 2).max() == 1
    assert label_whole(~image, 1).max() == 1, "turns do not touch"


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [2, 3, 10, 21, 50])
def test_an_object_that_winds_through_every_chunk_is_one(chunk: int) -> None:
    image = spiral(21)
    assert all(block.any() for block in np.split(image[:20], 10))
    check(image, chunk, 1)
    check(~image, chunk, 1)


def test_a_line_that_visits_every_chunk_of_a_volume_is_one() -> None:
    snake = np.zeros((9, 9, 9), bool)
    snake[::2, ::2, :] = True
    for z, y in product(range(0, 9, 2), range(0, 7, 2)):
        snake[z, y + 1, 0 if (y // 2) % 2 else 8] = True
    for z in range(0, 7, 2):
        snake[z + 1, 8 if (z // 2) % 2 == 0 else 0, 8] = True
    assert label_whole(snake, 1).max() == 1
    check(snake, (2, 3, 2), 1)


@pytest.mark.slow
@pytest.mark.parametrize("connectivity", [1, 2, 3])
def test_a_checkerboard_is_all_pieces_or_one_object(connectivity: int) -> None:
    board = np.indices((6, 5, 7)).sum(axis=0) % 2 == 0
    expected = {1: board.sum(), 2: 1, 3: 1}[connectivity]
    assert label_whole(board, connectivity).max() == expected
    check(board, (2, 2, 3), connectivity)
    check(board, 1, connectivity)


@pytest.mark.slow
@pytest.mark.parametrize("step", [s for s in product((-1, 0, 1), repeat=3) if s > (0,) * 3])
def test_two_voxels_join_across_a_face_an_edge_or_a_corner_as_connectivity_says(
    step: tuple[int, ...],
) -> None:
    mask = np.zeros((6, 6, 6), bool)
    here = tuple(2 if by > 0 else 3 for by in step)
    mask[here] = mask[tuple(at + by for at, by in zip(here, step, strict=True))] = True
    differ = np.count_nonzero(step)
    # An axis that no border cuts: voxels across a face or an edge may also lie beside each other.
    for connectivity, chunks in product((1, 2, 3), product((3, 6), repeat=3)):
        found = label_lazily(da.from_array(mask, chunks), connectivity).compute(scheduler="sync")
        assert found.max() == (1 if differ <= connectivity else 2)


@pytest.mark.parametrize("chunks", [(4, 4), (7, 9), (1, 1), ((0, 3, 0, 4), (9, 0))])
@pytest.mark.parametrize("value", [0, 1])
def test_empty_and_full_images_have_no_object_and_one(value: int, chunks: Any) -> None:
    check(np.full((7, 9), value, "u1"), chunks)


def test_an_image_without_voxels_has_no_labels() -> None:
    found = label_lazily(da.zeros((0, 5), dtype=bool, chunks=2)).compute()
    assert found.shape == (0, 5)


def test_everything_that_is_not_zero_is_object_whatever_its_value() -> None:
    check(np.array([[-1, 2, 0, 3], [0, 0, 0, 200]], "i2"), 2)


def test_labels_of_very_large_images_have_64_bits() -> None:
    # The largest label there may be is the number of voxels.
    assert label_dtype((2**16, 2**15 - 1)) == np.int32
    assert label_dtype((2**16, 2**15)) == np.int64
    lazy = label_lazily(da.zeros((2**16, 2**15), dtype=bool, chunks=2**13))
    assert lazy.dtype == np.int64


def test_numbers_follow_first_voxels_also_where_indices_need_64_bits() -> None:
    block, shape = np.array([[[1, 0, 1]]]), (2**12, 2**12, 2**12)
    pieces = find_pieces(block, origin=(4095, 4095, 4093), shape=shape, connectivity=1)
    assert pieces.first.tolist() == [2**36 - 3, 2**36 - 1]


# Pieces and merging


@given(cases(), st.randoms(use_true_random=False))
def test_chunks_may_come_in_any_order_and_only_borders_to_come_are_kept(
    case: tuple[NDArray[np.bool_], Chunks, int], order: random.Random
) -> None:
    mask, chunks, connectivity = case
    grid, borders = grid_shape(mask.shape, chunks), chunk_borders(mask.shape, chunks)
    gathering = Gathering(grid, connectivity)
    places = list(np.ndindex(*grid))
    indices = {
        place: tuple(slice(b[at], b[at + 1]) for b, at in zip(borders, place, strict=True))
        for place in places
    }
    order.shuffle(places)
    for place in places:
        index = indices[place]
        start = [part.start for part in index]
        gathering.add(
            place,
            find_pieces(mask[index], origin=start, shape=mask.shape, connectivity=connectivity),
        )
    assert not gathering._waiting, "no faces stay when all chunks are there"
    numbering = gathering.numbering()
    found = np.zeros(mask.shape, "i8")
    for place, index in indices.items():
        labels, count = label_block(mask[index], connectivity)
        found[index] = numbering.of(place, count)[labels]
    expected = label_whole(mask, connectivity)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(numbering.weights, np.bincount(expected.ravel())[1:])


def test_faces_leave_memory_when_their_neighbours_have_come() -> None:
    gathering, most = Gathering((20, 4), 2), 0
    for place in np.ndindex(20, 4):
        block = np.ones((2, 2), bool)
        start = [2 * at for at in place]
        pieces = find_pieces(block, origin=start, shape=(40, 8), connectivity=2)
        gathering.add(place, pieces)
        most = max(most, len(gathering._waiting))
    assert most <= 4 + 2, "about one layer of chunks"
    assert gathering.numbering().count == 1


def test_pieces_are_as_large_as_faces_and_not_as_the_chunk() -> None:
    block = np.random.default_rng(0).random((64, 64, 64)) < 0.9
    pieces = find_pieces(block, origin=(0, 0, 0), shape=block.shape, connectivity=1)
    assert len(pickle.dumps(pieces)) < 6 * 64**2 * 2 + len(pieces.first) * 16 + 2000


# Objects that are kept


@given(cases(), st.integers(0, 9))
def test_what_is_kept_is_what_is_large_in_the_whole_image(
    case: tuple[NDArray[np.bool_], Chunks, int], at_least: int
) -> None:
    mask, chunks, connectivity = case
    labels = label_whole(mask, connectivity)
    enough = np.bincount(labels.ravel()) >= at_least
    enough[0] = False
    lazy = keep_lazily(da.from_array(mask, chunks), at_least=at_least, connectivity=connectivity)
    assert lazy.dtype == bool
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), enough[labels])


@given(cases(), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_objects_with_marks_are_kept_whole_wherever_the_marks_are(
    case: tuple[NDArray[np.bool_], Chunks, int], at_least: int, seed: int
) -> None:
    mask, chunks, connectivity = case
    marks = np.random.default_rng(seed).random(mask.shape) < 0.1
    labels = label_whole(mask, connectivity)
    counted = np.bincount(labels[marks], minlength=labels.max() + 1)
    enough = counted >= at_least
    enough[0] = False
    lazy = keep_lazily(
        da.from_array(mask, chunks),
        at_least=at_least,
        marks=da.from_array(marks, chunks),
        connectivity=connectivity,
    )
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), enough[labels])


# Laziness and memory


def _raise(_block: NDArray[Any]) -> NDArray[Any]:
    raise RuntimeError("the source was computed")


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    source = da.zeros((8, 8), chunks=4, dtype=bool)
    source = da.map_blocks(_raise, source, dtype=bool, meta=np.empty((0, 0), bool))
    lazy = label_lazily(source), keep_lazily(source, at_least=3, marks=source)
    for array in lazy:
        with pytest.raises(RuntimeError, match="the source was computed"):
            array.compute(scheduler="sync")


def test_the_same_question_has_the_same_name_and_another_one_has_not() -> None:
    source = da.ones((8, 8), chunks=4, dtype=bool)
    names = [label_lazily(source).name, label_lazily(source, 2).name]
    names += [keep_lazily(source, at_least=n).name for n in (1, 2)]
    assert len(set(names)) == 4
    assert label_lazily(source).name == names[0]
    both = da.stack([label_lazily(source, 1), label_lazily(source, 2)]).compute()
    assert (both == 1).all(), "several questions in one graph do not mix"


def test_the_graph_has_three_tasks_per_chunk_besides_those_of_the_source() -> None:
    source = da.from_array(np.ones((40, 40), bool), chunks=4)  # two tasks: data and slices
    lazy = label_lazily(source, 2)
    tasks = len(dict(lazy.dask)) - 2 * len(dict(source.dask))
    assert tasks <= 3 * 100 + 10


MEMORY = """
import dask, dask.array as da, numpy as np
from data_helpers.components import label_lazily

def block(block_info=None):
    (z0, z1), (y0, y1), (x0, x1) = block_info[None]["array-location"]
    z, y, x = np.ogrid[z0:z1, y0:y1, x0:x1]
    return (z // 3 % 2) & (y // 3 % 2) & (x // 3 % 2) > 0

chunks = ((16,) * 64, (128,) * 2, (128,) * 2)
source = da.map_blocks(block, chunks=chunks, dtype=bool, meta=np.empty((0, 0, 0), bool))
labels = label_lazily(source)
little = label_lazily(da.ones((4, 4, 4), chunks=2, dtype=bool)).max().compute()
start()
with dask.config.set(scheduler="threads", num_workers=2):
    found = int(labels.max().compute())
report(found, source.nbytes)
"""


@pytest.mark.slow
def test_memory_holds_chunks_in_flight_and_not_the_image() -> None:
    peak, (count, size) = peak_of(MEMORY)
    assert count == 171 * 43 * 43
    # 67 MB as booleans, 268 MB as labels. Two chunks of 0.26 MB are worked on, with their labels
    # and what finds the pieces; 0.3 million objects are known by numbers of 8 bytes, some at once.
    assert size == 1024 * 256 * 256
    assert peak < 60e6


# Refusals


@pytest.mark.parametrize("connectivity", [0, 3, -1, 1.5, True, None])
def test_a_connectivity_that_the_image_does_not_have_is_refused(connectivity: Any) -> None:
    with pytest.raises(ValueError, match=r"connectivity is .* image of 2 axes; expected 1 .* to 2"):
        label_lazily(da.ones((4, 4), dtype=bool), connectivity)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_floats_are_refused_with_what_to_do(dtype: str) -> None:
    with pytest.raises(TypeError, match=f"the image holds {dtype}.* compare with a threshold"):
        label_lazily(da.ones((4, 4), dtype=dtype))


def test_unknown_chunks_are_refused_with_what_to_do() -> None:
    values = da.from_array(np.arange(6), 3)
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        label_lazily(values[values > 2])


def test_marks_in_other_chunks_are_refused_and_not_rechunked() -> None:
    mask = da.ones((4, 4), chunks=2, dtype=bool)
    with pytest.raises(ValueError, match=r"chunks \(\(4,\), \(4,\)\).*rechunk one of them"):
        keep_lazily(mask, at_least=1, marks=mask.rechunk(4))
