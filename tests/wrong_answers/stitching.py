"""Wrong answers to the exercises on stitching."""

import re
from collections.abc import Callable
from itertools import product
from typing import Any

import dask
import dask.array as da
import numpy as np
import zarr

from wrong_answers.common import Planted

# 02.1

FULL = "ex6_Cam{camera}_ch{channel:d}_stack{stack:d}_{nm:d}nm_{}msec_{x:d}x_{y:d}y.tif"


# 02.2


def numbers_in(name):
    return [int(digits) for digits in re.findall(r"\d+", name)]


def sorted_by(key: Callable[[str], Any] | None) -> Callable[..., Any]:
    def sort_tiles(names):
        return sorted(names, key=key)

    return sort_tiles


def sorted_in_place(names):
    names.sort(key=lambda name: numbers_in(name)[-2:])
    return names


def last_one_lost(names):
    return sorted(names, key=lambda name: numbers_in(name)[-2:])[:-1]


def only_numbers(names):
    return sorted(tuple(numbers_in(name)[-2:]) for name in names)


# 02.3


def places_in(names):
    return [tuple(numbers_in(name)[:2]) for name in names]


def due(places):
    return list(product(*(sorted(set(along)) for along in zip(*places, strict=True))))


def doubles(places):
    return [place for place in set(places) if places.count(place) > 1]


def faults_from_zero(names):
    places = places_in(names)
    grid_shape = [max(along) + 1 for along in zip(*places, strict=True)]
    return [p for p in np.ndindex(*grid_shape) if p not in places], doubles(places)


def faults_by_counting(names):
    places = places_in(names)
    gaps = [p for p in due(places) if p not in places]
    return (gaps if len(names) < len(due(places)) else []), doubles(places)


def first_fault(names):
    places = places_in(names)
    return [p for p in due(places) if p not in places][:1], doubles(places)[:1]


def duplicates_dropped(names):
    places = set(places_in(names))
    return [p for p in due(places) if p not in places], []


def equal_names_only(names):
    gaps, _ = faults(names)
    return gaps, [numbers_in(name)[:2] for name in set(names) if names.count(name) > 1]


def each_of_the_doubles(names):
    places = places_in(names)
    return faults(names)[0], [place for place in places if places.count(place) > 1]


def names_of_doubles(names):
    places = places_in(names)
    return faults(names)[0], [n for n, p in zip(names, places, strict=True) if places.count(p) > 1]


def faults(names):
    places = places_in(names)
    return [p for p in due(places) if p not in places], doubles(places)


# 02.4


def stacked(
    load: Callable[..., Any], combine: Callable[..., Any] = da.stack, dtype: Any = None
) -> Callable[..., Any]:
    """Stack what `load(path, read, shape, dtype)` gives, put into tasks."""

    def lazy_stack(paths, read, shape, dtype_of_tiles):
        declared = dtype or dtype_of_tiles
        later = dask.delayed(load, pure=False)
        return combine(
            [
                da.from_delayed(later(p, read, shape, dtype_of_tiles), shape=shape, dtype=declared)
                for p in paths
            ]
        )

    return lazy_stack


def unchecked(path, read, shape, dtype):
    return read(path)


def shape_checked(path, read, shape, dtype):
    tile = read(path)
    if tile.shape != shape:
        raise ValueError(f"{path}: found {tile.shape}, expected {shape}")
    return tile


def nameless(path, read, shape, dtype):
    tile = read(path)
    if tile.shape != shape or tile.dtype != dtype:
        raise ValueError(f"found {tile.shape} {tile.dtype}, expected {shape} {dtype}")
    return tile


def asserted(path, read, shape, dtype):
    tile = read(path)
    assert tile.shape == shape, path
    assert tile.dtype == dtype, path
    return tile


def replaced(path, read, shape, dtype):
    tile = read(path)
    return tile if tile.shape == shape and tile.dtype == dtype else np.zeros(shape, dtype)


def checked(path, read, shape, dtype):
    tile = read(path)
    if tile.shape != shape or tile.dtype != dtype:
        raise ValueError(f"{path}: found {tile.shape} {tile.dtype}, expected {shape} {dtype}")
    return tile


def stacked_at_once(paths, read, shape, dtype):
    return np.stack([read(path) for path in paths])


def wrapped_at_once(paths, read, shape, dtype):
    return da.from_array(np.stack([read(path) for path in paths]), chunks=(1, *shape))


def delayed_too_late(paths, read, shape, dtype):
    return da.stack(
        [da.from_delayed(dask.delayed(read(p)), shape=shape, dtype=dtype) for p in paths]
    )


def late_binding(paths, read, shape, dtype):
    tiles = []
    for path in paths:
        one = dask.delayed(lambda: checked(path, read, shape, dtype), pure=False)  # noqa: B023
        tiles.append(da.from_delayed(one(), shape=shape, dtype=dtype))
    return da.stack(tiles)


def all_in_one_task(paths, read, shape, dtype):
    def everything():
        return np.stack([checked(path, read, shape, dtype) for path in paths])

    whole = da.from_delayed(dask.delayed(everything)(), shape=(len(paths), *shape), dtype=dtype)
    return whole.rechunk((1, *shape))


def one_chunk(paths, read, shape, dtype):
    return stacked(checked)(paths, read, shape, dtype).rechunk(-1)


def list_of_delayed(paths, read, shape, dtype):
    return [dask.delayed(checked)(path, read, shape, dtype) for path in paths]


# 02.5


def into_zarr(
    chunks: Callable[..., Any] = lambda n, shape: (1, *shape),
    dtype: str | None = None,
    last: int | None = None,
) -> Callable[..., None]:
    def stack_to_zarr(paths, read, store):
        tile = read(paths[0])
        array = zarr.create_array(
            store,
            shape=(len(paths), *tile.shape),
            chunks=chunks(len(paths), tile.shape),
            dtype=dtype or tile.dtype,
        )
        for number, path in enumerate(paths[:last]):
            array[number] = read(path)

    return stack_to_zarr


def stacked_first(paths, read, store):
    tiles = np.stack([read(path) for path in paths])
    array = zarr.create_array(
        store, shape=tiles.shape, chunks=(1, *tiles.shape[1:]), dtype=tiles.dtype
    )
    array[...] = tiles


def all_kept(paths, read, store):
    tiles = [read(path) for path in paths]
    shape = tiles[0].shape
    array = zarr.create_array(
        store, shape=(len(tiles), *shape), chunks=(1, *shape), dtype=tiles[0].dtype
    )
    for number, tile in enumerate(tiles):
        array[number] = tile


def after_the_loop(paths, read, store):
    tile = read(paths[0])
    array = zarr.create_array(
        store, shape=(len(paths), *tile.shape), chunks=(1, *tile.shape), dtype=tile.dtype
    )
    for number, path in enumerate(paths):  # noqa: B007
        tile = read(path)
    array[number] = tile


def end_to_end(paths, read, store):
    tiles = np.concatenate([read(path) for path in paths])
    zarr.create_array(store, data=tiles, chunks=tiles[: len(tiles) // len(paths)].shape)


def in_a_group(paths, read, store):
    group = zarr.create_group(store)
    group.create_array("tiles", data=np.stack([read(path) for path in paths]))


def read_row_by_row(paths, read, store):
    tile = read(paths[0])
    array = zarr.create_array(
        store, shape=(len(paths), *tile.shape), chunks=(1, *tile.shape), dtype=tile.dtype
    )
    for number, path in enumerate(paths):
        array[number] = np.stack([read(path)[row].copy() for row in range(len(tile))])


# 02.6


def peak_at(first, second, *, phase=True):
    spectra = [np.fft.fft2(image - image.mean()) for image in (first, second)]
    together = spectra[0] * np.conj(spectra[1])
    if phase:
        together /= np.maximum(np.abs(together), 1e-9)
    peaks = np.fft.ifft2(together).real
    return [int(k) for k in np.unravel_index(peaks.argmax(), peaks.shape)]


def shift_of(first, second):
    return [
        k if k <= n // 2 else k - n
        for k, n in zip(peak_at(first, second), first.shape, strict=True)
    ]


def in_the_middle(first, second):
    return [k + n // 2 for k, n in zip(shift_of(first, second), first.shape, strict=True)]


def without_the_phase(first, second):
    return [
        k if k <= n // 2 else k - n
        for k, n in zip(peak_at(first, second, phase=False), first.shape, strict=True)
    ]


# 02.7


def placed(tiles, positions, *, mix: str) -> Any:
    """Put tiles into one image by one of several rules."""
    ends = np.max([np.add(tile.shape, at) for tile, at in zip(tiles, positions, strict=True)], 0)
    total, weights = np.zeros(ends), np.zeros(ends)
    for tile, (y, x) in zip(tiles, positions, strict=True):
        part = np.s_[y : y + tile.shape[0], x : x + tile.shape[1]]
        if mix == "last":
            total[part], weights[part] = tile, 1
        elif mix == "first":
            total[part] = np.where(weights[part] > 0, total[part], tile)
            weights[part] = 1
        else:
            weight = weight_of(tile.shape, mix)
            total[part] += tile * weight
            weights[part] += weight
    return total, weights


def weight_of(shape, mix):
    if mix == "mean":
        return np.ones(shape)
    along = [np.minimum(np.arange(n) + 1.0, n - np.arange(n)) - (mix == "zero") for n in shape]
    return np.minimum.outer(*along) if mix == "least" else np.outer(*along)


def blended(mix: str = "linear", rounded: bool = True) -> Callable[..., Any]:
    def blend(tiles, positions):
        total, weights = placed(tiles, positions, mix=mix)
        mean = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
        if rounded and tiles[0].dtype.kind in "iu":
            mean = np.rint(mean)
        return mean.astype(tiles[0].dtype)

    return blend


def sum_of_tiles(tiles, positions):
    total, _ = placed(tiles, positions, mix="mean")
    return total.astype(tiles[0].dtype)


def left_as_float(tiles, positions):
    total, weights = placed(tiles, positions, mix="linear")
    return total / np.maximum(weights, 1)


def divided_by_zero(tiles, positions):
    total, weights = placed(tiles, positions, mix="linear")
    if tiles[0].dtype.kind == "f":
        return (total / weights).astype(tiles[0].dtype)
    return blended()(tiles, positions)


def as_large_as_the_first(tiles, positions):
    height, width = tiles[0].shape
    return blended()(tiles, positions)[:height, :width]


def in_the_dtype_of_tiles(tiles, positions):
    shape = np.max([np.add(tile.shape, at) for tile, at in zip(tiles, positions, strict=True)], 0)
    total, weights = np.zeros(shape, tiles[0].dtype), np.zeros(shape)
    for tile, (y, x) in zip(tiles, positions, strict=True):
        part = np.s_[y : y + tile.shape[0], x : x + tile.shape[1]]
        weight = weight_of(tile.shape, "linear")
        total[part] += (tile * weight).astype(tile.dtype)
        weights[part] += weight
    mean = np.divide(total, weights, out=np.zeros(shape), where=weights > 0)
    return np.rint(mean).astype(tiles[0].dtype)


PLANTED = [
    Planted("02.1", FULL.replace(":d}", "}"), "reads an integer"),
    Planted("02.1", FULL.replace("{nm:d}nm", "488nm"), "changes from file to file"),
    Planted("02.1", FULL.replace("_{y:d}y", "_000y"), "changes from file to file"),
    Planted("02.1", FULL.replace("{y:d}y", "{}y"), "no field 'y'"),
    Planted("02.1", FULL.replace("{x:d}x_{y:d}y", "{y:d}x_{x:d}y"), "comes before its letter"),
    Planted("02.1", FULL.replace("{channel:d}", "{channel:int}"), "with `:d` for an integer"),
    Planted("02.1", "ex6_CamA_ch0_stack0007.tif", "A field is a name in braces"),
    Planted("02.1", 7, "a text in quotation marks"),
    Planted("02.2", lambda names: names, "that of the file system"),
    Planted("02.2", sorted_by(None), "As text, '10' comes before '2'"),
    Planted("02.2", sorted_by(lambda n: re.findall(r"\d+", n)), "As text, '10' comes before"),
    Planted("02.2", sorted_by(lambda n: (len(n), n)), "A shorter name"),
    Planted("02.2", sorted_by(lambda n: numbers_in(n)[-1:]), "a key may be a tuple"),
    Planted("02.2", sorted_by(lambda n: numbers_in(n)[-2:-1]), "a key may be a tuple"),
    Planted("02.2", sorted_by(lambda n: numbers_in(n)[:-3:-1]), "column first"),
    Planted("02.2", sorted_by(lambda n: list(map(int, re.findall(r"\d", n)))), "is one digit"),
    Planted("02.2", sorted_in_place, "`names.sort()` changes the list itself"),
    Planted("02.2", last_one_lost, "comes back exactly once"),
    Planted("02.2", only_numbers, "Give back the names themselves"),
    Planted("02.2", lambda names: None, "`return` at the end"),
    Planted("02.3", faults_from_zero, "Indices need not start at 0"),
    Planted("02.3", faults_by_counting, "Compare places, not counts"),
    Planted("02.3", first_fault, "Report all of them at once"),
    Planted("02.3", duplicates_dropped, "keeps one of several without a word"),
    Planted("02.3", equal_names_only, "names that differ may have the same place"),
    Planted("02.3", each_of_the_doubles, "however many tiles it has"),
    Planted("02.3", names_of_doubles, "expected pairs of integers"),
    Planted("02.3", lambda names: faults(names)[::-1], "the two lists swapped"),
    Planted(
        "02.3", lambda names: [[p[::-1] for p in f] for f in faults(names)], "time comes first"
    ),
    Planted("02.3", lambda names: ([], []), "looks hard-coded"),
    Planted("02.3", lambda names: faults(names)[0], "a pair of lists"),
    Planted("02.4", stacked_at_once, "in memory already"),
    Planted("02.4", wrapped_at_once, "before anything was asked for"),
    Planted("02.4", delayed_too_late, "`dask.delayed(read(path))` reads now"),
    Planted("02.4", stacked(checked, da.concatenate), "`da.concatenate` does not"),
    Planted("02.4", stacked(checked, dtype="float64"), "Dask believes what it is told"),
    Planted("02.4", stacked(unchecked), "did not complain"),
    Planted("02.4", stacked(shape_checked), "did not complain"),
    Planted("02.4", stacked(replaced), "did not complain"),
    Planted("02.4", stacked(nameless), "does not name the file"),
    Planted("02.4", stacked(asserted), "left out when Python runs with `-O`"),
    Planted("02.4", late_binding, "sees the loop variable"),
    Planted("02.4", all_in_one_task, "Each file is a task of its own"),
    Planted("02.4", one_chunk, "one file per chunk"),
    Planted("02.4", list_of_delayed, "expected a Dask array"),
    Planted("02.5", stacked_first, "forget it before the next"),
    Planted("02.5", all_kept, "forget it before the next"),
    Planted("02.5", into_zarr(chunks=lambda n, shape: (n, *shape)), "no chunk reach beyond a tile"),
    Planted("02.5", into_zarr(chunks=lambda n, shape: "auto"), "no chunk reach beyond a tile"),
    Planted("02.5", into_zarr(dtype="float64"), "Pass `dtype=` of a tile"),
    Planted("02.5", into_zarr(last=-1), "the last one too"),
    Planted("02.5", after_the_loop, "never written"),
    Planted("02.5", end_to_end, "The times are the first axis"),
    Planted("02.5", in_a_group, "with ['tiles'] in it"),
    Planted("02.5", read_row_by_row, "Read a tile into a variable once"),
    Planted("02.5", lambda paths, read, store: None, "there is no Zarr array"),
    Planted("02.6", lambda a, b: shift_of(b, a), "The sign is the other way round"),
    Planted("02.6", lambda a, b: shift_of(a, b)[::-1], "The axes are swapped"),
    Planted("02.6", peak_at, "goes round in circles"),
    Planted("02.6", in_the_middle, "subtract half of the length"),
    Planted("02.6", lambda a, b: [abs(n) for n in shift_of(a, b)], "The sign is lost"),
    Planted("02.6", without_the_phase, "divides the product"),
    Planted("02.6", lambda a, b: (3, -5), "looks hard-coded"),
    Planted("02.6", lambda a, b: shift_of(a, b)[0], "np.unravel_index"),
    Planted("02.7", blended("mean"), "That is the plain mean"),
    Planted("02.7", blended("last"), "leaves a hard edge"),
    Planted("02.7", blended("first"), "leaves a hard edge"),
    Planted("02.7", blended("least"), "in y times in x"),
    Planted("02.7", blended(rounded=False), "Round first"),
    Planted("02.7", sum_of_tiles, "Any mean of tiles that agree"),
    Planted("02.7", left_as_float, "has dtype float64"),
    Planted("02.7", divided_by_zero, "keep 0 there"),
    Planted("02.7", blended("zero"), "the weight is 1, not 0"),
    Planted("02.7", lambda t, p: blended()(t, [at[::-1] for at in p]), "rows first"),
    Planted("02.7", as_large_as_the_first, "where the last tile ends"),
    Planted("02.7", in_the_dtype_of_tiles, "wraps around"),
]
