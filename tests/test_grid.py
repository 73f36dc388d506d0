"""Chunk geometry against brute force."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import chunks_for, indices_in, irregular_chunks_for, shapes, shapes_and_chunks

from data_helpers import grid

Shape = tuple[int, ...]


@given(shapes_and_chunks(max_dims=5, min_side=0, max_side=7))
def test_chunks_cover_every_element_exactly_once(shape_and_chunks: tuple[Shape, Shape]) -> None:
    shape, chunks = shape_and_chunks
    times_covered = np.zeros(shape, dtype=int)
    for index in grid.chunk_slices(shape, chunks):
        times_covered[index] += 1
    assert (times_covered == 1).all()


@given(shapes_and_chunks(max_dims=4, min_side=0))
def test_chunks_are_those_found_element_by_element(shape_and_chunks: tuple[Shape, Shape]) -> None:
    shape, chunks = shape_and_chunks
    # The oracle walks over all elements and notes which chunk each falls into.
    members: dict[Shape, list[Shape]] = {}
    for element in np.ndindex(*shape):
        members.setdefault(tuple(e // c for e, c in zip(element, chunks, strict=True)), []).append(
            element
        )
    expected = [
        tuple(slice(min(along), max(along) + 1) for along in zip(*elements, strict=True))
        for _, elements in sorted(members.items())
    ]
    assert list(grid.chunk_slices(shape, chunks)) == expected
    assert np.prod(grid.grid_shape(shape, chunks)) == len(expected)


@given(
    shapes(max_dims=3, min_side=0).flatmap(lambda s: st.tuples(st.just(s), irregular_chunks_for(s)))
)
def test_irregular_chunks_cover_every_element_exactly_once_in_their_sizes(
    shape_and_chunks: tuple[Shape, tuple[Shape, ...]],
) -> None:
    shape, chunks = shape_and_chunks
    times_covered = np.zeros(shape, dtype=int)
    sizes = []
    for index in grid.chunk_slices(shape, chunks):
        times_covered[index] += 1
        sizes.append(times_covered[index].shape)
    assert (times_covered == 1).all()
    assert sizes == [size for size in product(*chunks) if all(size)]


def test_an_array_without_axes_is_one_chunk() -> None:
    assert list(grid.chunk_slices((), ())) == [()]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0, 2)])
def test_an_array_without_elements_has_no_chunks(shape: Shape) -> None:
    assert list(grid.chunk_slices(shape, (2,) * len(shape))) == []
    assert 0 in grid.grid_shape(shape, (2,) * len(shape))


def test_results_are_plain_integers_whatever_came_in() -> None:
    borders = grid.chunk_borders(np.array([5, 4]), np.array([2, 4]))
    assert borders == ((0, 2, 4, 5), (0, 4))
    assert {type(border) for axis in borders for border in axis} == {int}


@given(st.data(), shapes(max_dims=4))
def test_a_halo_is_all_elements_within_its_depth(data: st.DataObject, shape: Shape) -> None:
    index = data.draw(indices_in(shape))
    depth = data.draw(st.tuples(*(st.integers(0, 4) for _ in shape)))
    outer, inner = grid.expand(index, depth, shape)
    for axis, (part, margin, length) in enumerate(zip(index, depth, shape, strict=True)):
        inside = range(length)[part]
        near = [i for i in range(length) if min(abs(i - j) for j in inside) <= margin]
        assert outer[axis] == slice(near[0], near[-1] + 1)
    array = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(array[outer][inner], array[index])
    assert array[outer][inner].shape == grid.index_shape(index, shape)


def test_one_depth_counts_for_all_axes() -> None:
    index = (slice(3, 5), slice(0, 2))
    assert grid.expand(index, 2, (9, 9)) == grid.expand(index, (2, 2), (9, 9))


@given(st.data(), shapes(max_dims=3))
def test_aligned_means_a_union_of_whole_units(data: st.DataObject, shape: Shape) -> None:
    unit = data.draw(st.one_of(chunks_for(shape), irregular_chunks_for(shape)))
    index = data.draw(indices_in(shape))
    inside = np.zeros(shape, dtype=bool)
    inside[index] = True
    cuts_no_unit = all(
        inside[u].all() or not inside[u].any() for u in grid.chunk_slices(shape, unit)
    )
    assert grid.aligned(index, unit, shape) == cuts_no_unit


@given(shapes_and_chunks(max_dims=4))
def test_every_chunk_is_aligned_to_its_own_grid(shape_and_chunks: tuple[Shape, Shape]) -> None:
    shape, chunks = shape_and_chunks
    assert all(grid.aligned(index, chunks, shape) for index in grid.chunk_slices(shape, chunks))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: grid.chunk_slices((8,), (0,)),
            r"chunk size 0 on axis 0 of length 8; expected .* 1",
        ),
        (lambda: grid.chunk_slices((8, 9), (4, -3)), r"chunk size -3 on axis 1 of length 9"),
        (lambda: grid.chunk_slices((8, 9), (4,)), r"\(8, 9\) has 2 .*chunks \(4,\) has 1"),
        (lambda: grid.chunk_slices((-8,), (4,)), r"shape \(-8,\) has a negative length"),
        (lambda: grid.chunk_slices((8,), ((4, 3),)), r"\(4, 3\) add up to 7 .* length 8"),
        (lambda: grid.chunk_slices((8,), ((9, -1),)), r"\(9, -1\) add up to 8 .*0 or more"),
        (lambda: grid.chunk_slices((8,), ((float("nan"),),)), r"unknown; call compute_chunk_sizes"),
        (lambda: grid.grid_shape((8,), (4, 4)), r"\(8,\) has 1 .*\(4, 4\) has 2"),
        (lambda: grid.index_shape((slice(3, 3),), (8,)), r"slice\(3, 3\) is empty .* length 8"),
        (lambda: grid.index_shape((slice(5, 3),), (8,)), r"slice\(5, 3\) is empty"),
        (lambda: grid.index_shape((slice(3, 9),), (8,)), r"slice\(3, 9\) leaves .* length 8"),
        (lambda: grid.index_shape((slice(-3, 2),), (8,)), r"slice\(-3, 2\) leaves the array"),
        (lambda: grid.index_shape((slice(0, 8, 2),), (8,)), r"slice\(0, 8, 2\) .*without a step"),
        (lambda: grid.index_shape((3,), (8,)), r"3 on axis 0; expected a slice"),  # type: ignore[arg-type]
        (lambda: grid.index_shape((slice(0, 1),), (8, 8)), r"has 1 .*shape \(8, 8\) has 2"),
        (lambda: grid.expand((slice(0, 1),), -1, (8,)), r"depth \(-1,\) is negative"),
        (lambda: grid.expand((slice(0, 1),), (1, 2), (8,)), r"\(1, 2\) has 2 entries .* 1 dim"),
        (lambda: grid.expand((slice(8, 9),), 1, (8,)), r"slice\(8, 9\) leaves the array"),
        (lambda: grid.aligned((slice(0, 4),), (4, 4), (8,)), r"\(8,\) has 1 .*\(4, 4\) has 2"),
        (lambda: grid.aligned((slice(0, 0),), (4,), (8,)), r"slice\(0, 0\) is empty"),
        (lambda: grid.aligned((slice(0, 4),), (0,), (8,)), r"chunk size 0"),
    ],
)
def test_what_makes_no_sense_is_refused_naming_both_sides(
    call: Callable[[], Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        call()
