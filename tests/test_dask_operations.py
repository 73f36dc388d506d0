"""Dask operations: lazy, truthful about what they give, and what they refuse."""

import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from dask.highlevelgraph import HighLevelGraph
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import images, irregular_chunks_for

from data_helpers.dask_operations import (
    apply_mask,
    background_ratio,
    edge_map,
    gaussian_filter,
    global_percentiles,
    normalize_intensity,
    otsu_threshold,
    richardson_lucy,
    segment,
)

PSF = np.outer([1, 2, 1], [1, 4, 1])


def lazy(image: Any, chunks: Any = -1) -> da.Array:
    return da.from_array(np.asarray(image), chunks=chunks)


# --- What is declared is what is computed, and nothing before it is asked for ---------------------

Operation = Callable[[da.Array], da.Array]
OPERATIONS: dict[str, Operation] = {
    "gaussian": lambda x: gaussian_filter(x, 1.0),
    "gaussian mirror": lambda x: gaussian_filter(x, (2, 0.5), mode="mirror"),
    "normalize percentiles": lambda x: normalize_intensity(x),
    "normalize limits": lambda x: normalize_intensity(x, limits=(2, 30)),
    "normalize lazy limits": lambda x: normalize_intensity(x, limits=(x.min(), x.max())),
    "global percentiles": lambda x: global_percentiles(x, (5, 50, 95)),
    "otsu": otsu_threshold,
    "ratio": lambda x: background_ratio(x, lazy(np.arange(10), (CHUNKS[1],)), 3),
    "ratio of three": lambda x: background_ratio(x, x, lazy(np.ones(10), (CHUNKS[1],))),
    "mask": lambda x: apply_mask(x, lazy(np.arange(10) > 5, (CHUNKS[1],))),
    "edges": lambda x: edge_map(x, low=0.1, high=0.2),
    "segment": lambda x: segment(x, min_size=3),
    "segment all": lambda x: segment(x, sigma=0),
    "richardson-lucy": lambda x: richardson_lucy(x, PSF, 2),
}
CHUNKS = ((5, 1, 3), (4, 6))


def declared(kind: str, chunks: Any) -> da.Array:
    """A random image, 0 to 39; floats 0 to 1."""
    image = np.random.default_rng(3).integers(0, 40, (9, 10))
    return lazy((image / 40 if kind[0] == "f" else image).astype(kind), chunks)


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_declared_is_what_is_computed(name: str, kind: str) -> None:
    result = OPERATIONS[name](declared(kind, CHUNKS))
    assert isinstance(result._meta, np.ndarray)
    assert result._meta.dtype == result.dtype
    assert result._meta.ndim == result.ndim
    places = list(np.ndindex(*result.numblocks))
    parts: Any = dask.compute(*(result.blocks[at] if at else result for at in places))
    for place, part in zip(places, parts, strict=True):
        assert part.dtype == result.dtype
        assert part.shape == tuple(n[at] for n, at in zip(result.chunks, place, strict=True))
    if result.ndim == 2:
        assert result.chunks == CHUNKS, "nothing was rechunked"


@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_is_computed_while_a_graph_is_built(name: str) -> None:
    def fails(_: Any) -> Any:
        raise AssertionError("computed")

    source = declared("float32", CHUNKS).map_blocks(fails, meta=np.empty((0, 0), "f4"))
    result = OPERATIONS[name](source)
    assert isinstance(result.dask, HighLevelGraph)
    with pytest.raises(AssertionError, match="computed"):
        result.compute()


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_same_call_gives_the_same_name_and_another_image_another(name: str) -> None:
    first, again = (OPERATIONS[name](declared("float32", CHUNKS)) for _ in range(2))
    assert first.name == again.name
    other = OPERATIONS[name](declared("float64", CHUNKS))
    assert first.name != other.name


# --- What the docstrings say it costs -------------------------------------------------------------

TIMES = {
    ("gaussian", "u2"): 1,
    ("normalize limits", "u2"): 1,
    ("normalize lazy limits", "u2"): 2,
    ("normalize percentiles", "u2"): 2,
    ("normalize percentiles", "f4"): 3,
    ("global percentiles", "f4"): 2,
    ("otsu", "u2"): 1,
    ("otsu", "f4"): 2,
    ("edges", "u2"): 2,
    ("segment all", "u2"): 3,
    ("segment", "u2"): 4,
    ("richardson-lucy", "u2"): 1,
}


@pytest.mark.parametrize(("name", "kind"), TIMES)
def test_the_source_is_computed_as_often_as_the_docstring_says(name: str, kind: str) -> None:
    computed: Counter[tuple[int, ...]] = Counter()

    def counted(block: NDArray[Any], block_info: Any) -> NDArray[Any]:
        computed[block_info[0]["chunk-location"]] += 1
        return block

    image = declared(kind, CHUNKS)
    source = image.map_blocks(counted, meta=np.empty((0, 0), image.dtype))
    OPERATIONS[name](source).compute(scheduler="sync")
    assert computed == dict.fromkeys(np.ndindex(3, 2), TIMES[name, kind])


@pytest.mark.slow
def test_a_filter_is_one_task_per_chunk() -> None:
    x = da.zeros((40, 40, 40), chunks=8, dtype="u2")
    for result in (gaussian_filter(x, 1), richardson_lucy(x, np.ones((3, 3, 3)), 2)):
        assert len(result.dask.layers[result.name]) == x.npartitions
        assert len(dict(result.dask)) == 2 * x.npartitions


@pytest.mark.slow
def test_two_passes_hold_no_chunk_while_they_wait() -> None:
    alive: set[int] = set()
    counts: list[int] = []

    def tracked(block: NDArray[Any]) -> NDArray[Any]:
        kept = block.copy()
        alive.add(id(kept))
        weakref.finalize(kept, alive.discard, id(kept))
        counts.append(len(alive))
        return kept

    values = lazy(np.arange(400) % 7, 10)
    for kind in ("u2", "f4"):
        source = values.astype(kind).map_blocks(tracked, meta=np.empty(0, kind))
        for name in ("normalize percentiles", "normalize lazy limits", "otsu", "segment all"):
            OPERATIONS[name](source).compute(scheduler="sync")
    assert len(counts) == 40 * (2 + 2 + 1 + 3 + 3 + 2 + 2 + 3)
    assert max(counts) <= 4, "of 40 chunks"


# --- What is refused, with what to do -------------------------------------------------------------

IMAGE = lazy(np.ones((4, 6)), (2, 3))
UNKNOWN = IMAGE[IMAGE.sum(axis=1) > 1]


@pytest.mark.parametrize("name", OPERATIONS)
def test_only_dask_arrays_of_numbers_with_known_chunks_are_taken(name: str) -> None:
    operation = OPERATIONS[name]
    with pytest.raises(TypeError, match=r"is a ndarray; expected a Dask array: use .*from_zarr"):
        operation(np.ones((4, 6)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"holds complex128; expected .*: convert it with astype"):
        operation(IMAGE.astype("c16"))
    with pytest.raises(ValueError, match=r"chunk sizes of \w+ are unknown.*compute_chunk_sizes"):
        operation(UNKNOWN)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "ratio, chunks": (
        lambda: background_ratio(IMAGE, IMAGE.rechunk(2), 0),
        r"brightfield has chunks .*, the image .*; .*brightfield.rechunk\(\(\(2, 2\), \(3, 3",
    ),
    "ratio, chunks of the third": (
        lambda: background_ratio(IMAGE, IMAGE, IMAGE[0].rechunk(2)),
        r"background has chunks .*background.rechunk\(\(\(3, 3\),\)\)",
    ),
    "ratio, shape": (
        lambda: background_ratio(IMAGE, IMAGE[:, :5], 0),
        r"brightfield has shape \(4, 5\), the image \(4, 6\); expected",
    ),
    "mask, chunks": (lambda: apply_mask(IMAGE, IMAGE[0].rechunk(6) > 0), r"mask.rechunk\(\(\(3, 3"),
    "mask, first axis": (lambda: apply_mask(IMAGE, IMAGE[:, 0] > 0), "or that of its last axes"),
    "mask, more axes": (
        lambda: apply_mask(IMAGE[0], IMAGE > 0),
        r"shape \(4, 6\), the image \(6,\)",
    ),
    "limits": (
        lambda: normalize_intensity(IMAGE, limits=(5, 5)),
        "limits are 5 and 5; exp",
    ),
    "limits, NaN": (lambda: normalize_intensity(IMAGE, limits=(0, np.nan)), "two finite numbers"),
    "limits, many": (
        lambda: normalize_intensity(IMAGE, limits=(0, IMAGE.max(axis=0))),
        r"limits have shapes \[\(\), \(6,\)\]; expected a single number each",
    ),
    "percentiles": (lambda: normalize_intensity(IMAGE, percentiles=(99, 1)), "the lower one first"),
    "percentiles, range": (lambda: global_percentiles(IMAGE, (0, 101)), "numbers from 0 to 100"),
    "no percentiles": (lambda: global_percentiles(IMAGE, ()), "numbers from 0 to 100"),
    "percentiles of nothing": (lambda: global_percentiles(IMAGE[:0], (1,)), "no voxels"),
    "otsu of nothing": (lambda: otsu_threshold(IMAGE[:0]), r"shape \(0, 6\), so no voxels"),
    "sigma": (lambda: gaussian_filter(IMAGE, -1), "expected sigmas of 0 or more"),
    "sigmas": (lambda: gaussian_filter(IMAGE, (1, 1, 1)), "3 entries for 2 axes"),
    "mode": (lambda: gaussian_filter(IMAGE, 1, mode="edge"), "mode 'edge' is not known"),  # type: ignore[arg-type]
    "edges in 3-D": (
        lambda: edge_map(da.zeros((3, 4, 4)), low=1, high=2),
        r"3 axes; expected 2: take plane by plane, such as dask.array.stack",
    ),
    "edges, thresholds": (lambda: edge_map(IMAGE, low=2, high=1), "low is 2 and high 1; expected"),
    "min_size": (lambda: segment(IMAGE, min_size=-1), "min_size is -1; expected"),
    "min_size, NaN": (lambda: segment(IMAGE, min_size=np.nan), "min_size is nan; expected"),  # type: ignore[arg-type]
    "connectivity": (lambda: segment(IMAGE, connectivity=3), "connectivity is 3 for an image of 2"),
    "psf, axes": (lambda: richardson_lucy(IMAGE, [1, 2, 1], 1), "psf has 1 axes, the image 2"),
    "psf, even": (lambda: richardson_lucy(IMAGE, np.ones((2, 3)), 1), "expected odd sizes"),
    "psf, negative": (
        lambda: richardson_lucy(IMAGE, [[-1.0, 2, 1]], 1),
        "weights from -1.0 to 2",
    ),
    "psf, zero": (lambda: richardson_lucy(IMAGE, np.zeros((3, 3)), 1), "and not only 0"),
    "iterations": (
        lambda: richardson_lucy(IMAGE, PSF, 0),
        "iterations is 0; expected a whole number",
    ),
    "iterations, parts": (lambda: richardson_lucy(IMAGE, PSF, 2.5), "expected a whole number"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_computed(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_mask_of_floats_is_refused_since_nan_is_neither_in_nor_out() -> None:
    with pytest.raises(TypeError, match=r"mask holds float64; expected bool, integers.*compare it"):
        apply_mask(IMAGE, IMAGE)


def test_whole_numbers_that_canny_cannot_take_are_refused() -> None:
    with pytest.raises(TypeError, match="x holds int64; expected integers of at most 32 bits"):
        edge_map(IMAGE.astype("i8"), low=1, high=2)


WHEN_COMPUTED: dict[str, tuple[Callable[[], da.Array], str]] = {
    "limits in the wrong order": (
        lambda: normalize_intensity(IMAGE, limits=(IMAGE.max() + 1, IMAGE.min())),
        "limits are 2.0 and 1.0; expected the lower one first",
    ),
    "only NaN": (lambda: global_percentiles(IMAGE * np.nan, (1,)), "holds only NaN"),
    "only NaN, otsu": (lambda: otsu_threshold(IMAGE * np.nan), "expected finite numbers"),
    "infinity": (lambda: otsu_threshold(da.where(IMAGE > 0, np.inf, 0)), "go from inf to inf"),
    "integers far apart": (
        lambda: otsu_threshold(lazy([0, 5, 2**40], 2)),
        "integers go from 0 to 1099511627776.*divide them first",
    ),
    "deconvolving NaN": (
        lambda: richardson_lucy(da.where(IMAGE > 1, 1, np.nan), PSF, 1),
        "values from nan to nan.*replace NaN",
    ),
    "deconvolving negative values": (
        lambda: richardson_lucy(IMAGE - 3, PSF, 1),
        "values from -2.0 to -2.0; expected finite ones of 0 or more",
    ),
}


@pytest.mark.parametrize("case", WHEN_COMPUTED)
def test_what_only_values_can_tell_is_an_error_when_computed(case: str) -> None:
    call, message = WHEN_COMPUTED[case]
    result = call()
    with pytest.raises(ValueError, match=message):
        result.compute()


def test_an_image_without_voxels_stays_one() -> None:
    empty = IMAGE[:0].astype("f4")
    for name in ("gaussian", "normalize limits", "edges", "richardson-lucy"):
        result = OPERATIONS[name](empty).compute()
        assert result.shape == (0, 6), name
    assert background_ratio(empty, empty, 0).compute().shape == (0, 6)
    assert apply_mask(empty, empty > 0).compute().shape == (0, 6)


# --- Pixel by pixel -------------------------------------------------------------------------------

COUNTS = ("uint8", "uint16", "uint32", "int16", "float32")


@given(st.data())
def test_a_ratio_is_that_of_floats_and_nan_where_nothing_is_left_to_divide_by(
    data: st.DataObject,
) -> None:
    series = data.draw(images(min_dims=3, max_dims=3, dtype=data.draw(st.sampled_from(COUNTS))))
    kind = data.draw(st.sampled_from(COUNTS))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    bright, dark = (rng.integers(0, 9, series.shape[1:]).astype(kind) for _ in range(2))
    chunks = data.draw(irregular_chunks_for(series.shape))
    found = background_ratio(
        lazy(series, chunks), lazy(bright, chunks[1:]), lazy(dark, chunks[1:])
    ).compute()
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = (series - dark.astype("f8")) / (bright - dark.astype("f8"))
    expected = np.where(bright > dark, expected, np.nan)
    np.testing.assert_array_equal(found, expected.astype("f4"))


def test_a_number_may_be_the_background() -> None:
    found = background_ratio(lazy(np.uint8([3, 5, 9])), lazy(np.uint8([15, 5, 7])), 5)
    np.testing.assert_array_equal(found, np.float32([-0.2, np.nan, 2]))


@given(st.data())
def test_a_mask_keeps_what_lies_in_it(data: st.DataObject) -> None:
    series = data.draw(images(min_dims=2))
    axes = data.draw(st.integers(1, series.ndim))
    mask = np.random.default_rng(data.draw(st.integers(0, 99))).integers(
        0, 3, series.shape[series.ndim - axes :], dtype=data.draw(st.sampled_from(["u1", "i8"]))
    )
    mask = mask.astype(bool) if data.draw(st.booleans()) else mask
    chunks = data.draw(irregular_chunks_for(series.shape))
    found = apply_mask(lazy(series, chunks), lazy(mask, chunks[series.ndim - axes :]))
    expected = series.copy()
    expected[np.broadcast_to(mask == 0, series.shape)] = 0
    np.testing.assert_array_equal(found, expected)


def test_nan_outside_a_mask_goes_and_inside_stays() -> None:
    found = apply_mask(lazy([np.nan, np.nan]), lazy([True, False]))
    np.testing.assert_array_equal(found, [np.nan, 0])
