"""Answers as learners give them: for each task some that are wrong, and what they must be told."""

import json
import re
from collections.abc import Callable
from itertools import pairwise, product
from math import ceil, prod
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np
import zarr
from scipy import ndimage

from data_helpers import chunking, grid, storage


class Planted(NamedTuple):
    """A wrong answer and words that its verdict must contain."""

    task: str
    answer: Any
    advice: str


def prediction(in_memory: object, as_float: object, planes: object) -> dict[str, object]:
    return {
        "bytes in memory": in_memory,
        "bytes as float64": as_float,
        "planes in 1 MiB": planes,
    }


# 01.2


def whole_file(file, offset, shape, dtype, z):
    data = file.read()[offset : offset + prod(shape) * dtype.itemsize]
    return np.frombuffer(data, dtype).reshape(shape)[z]


def offset_forgotten(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:])


def plane_before(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + (z - 1) * nbytes)
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:])


def own_byte_order(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype.newbyteorder("<")).reshape(shape[1:])


def values_not_bytes(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * prod(shape[1:]))
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:])


def not_reshaped(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype)


def transposed_plane(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:]).T


def converted(file, offset, shape, dtype, z):
    nbytes = prod(shape[1:]) * dtype.itemsize
    file.seek(offset + z * nbytes)
    return np.frombuffer(file.read(nbytes), dtype).reshape(shape[1:]).astype(float)


# 01.3 and 03.3: counting the chunks of a region


def counts(rule: Callable[[slice, int], int]) -> Callable[[Any, Any], int]:
    def count(region, chunks):
        return prod(rule(part, size) for part, size in zip(region, chunks, strict=True))

    return count


RULES = {
    "right": counts(lambda part, size: (part.stop - 1) // size - part.start // size + 1),
    "by length": counts(lambda part, size: -(-(part.stop - part.start) // size)),
    "one less": counts(lambda part, size: part.stop // size - part.start // size),
    "one more": counts(lambda part, size: part.stop // size - part.start // size + 1),
}


def bytes_by(rule: str) -> Callable[..., int]:
    count = RULES[rule]

    def bytes_to_read(region, chunks, dtype):
        return count(region, chunks) * prod(chunks) * dtype.itemsize

    return bytes_to_read


def amplification_by(rule: str) -> Callable[..., float]:
    count = RULES[rule]

    def read_amplification(shape, chunks, region):
        return count(region, chunks) * prod(chunks) / requested(region)

    return read_amplification


def requested(region):
    return prod(part.stop - part.start for part in region)


def cut_at_the_edge(shape, chunks, region):
    read = 1
    for part, size, length in zip(region, chunks, shape, strict=True):
        read *= min(-(-part.stop // size) * size, length) - part.start // size * size
    return read / requested(region)


# 01.4


def by_largest(image):
    for bits in (8, 16, 32, 64):
        if image.max() <= np.iinfo(f"uint{bits}").max:
            return np.dtype(f"uint{bits}")
    return None


def limit_left_out(image):
    signed = "" if image.min() < 0 else "u"
    for bits in (8, 16, 32, 64):
        limits = np.iinfo(f"{signed}int{bits}")
        if limits.min <= image.min() and image.max() < limits.max:
            return np.dtype(f"{signed}int{bits}")
    return None


def always_signed(image):
    for bits in (8, 16, 32, 64):
        limits = np.iinfo(f"int{bits}")
        if limits.min <= image.min() and image.max() <= limits.max:
            return np.dtype(f"int{bits}")
    return None


# 01.5


def rounded_down(image, max_error):
    step = 2 * max_error + 1
    return image // step * step


def wraps(image, max_error):
    step = 2 * max_error + 1
    return image // step * step + np.asarray(max_error, image.dtype)


def small_step(image, max_error):
    step = max_error + 1
    return image // step * step


def wide_step(image, max_error):
    step = 4 * max_error + 1
    middle = image.astype("int64") // step * step + 2 * max_error
    return np.minimum(middle, np.iinfo(image.dtype).max).astype(image.dtype)


def left_wide(image, max_error):
    step = 2 * max_error + 1
    return np.minimum(image.astype("int64") // step * step + max_error, np.iinfo(image.dtype).max)


def in_place(image, max_error):
    image -= image % np.asarray(2 * max_error + 1, image.dtype)
    return image


# 01.6


def top_only(path):
    return sum(file.stat().st_size for file in path.glob("*") if file.is_file())


def not_hidden(path):
    files = (file for file in path.rglob("*") if not file.name.startswith("."))
    return sum(file.stat().st_size for file in files if file.is_file())


def with_directories(path):
    return sum(file.stat().st_size for file in path.rglob("*"))


def number_of_files(path):
    return len(storage.get_directory_contents(path))


# 01.7


def write_whole(file, image, chunks):
    header = json.dumps({"dtype": image.dtype.str, "shape": image.shape, "chunks": chunks}).encode()
    file.write(len(header).to_bytes(8, "little") + header + image.tobytes())


def read_from_whole(file, index):
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
    image = np.frombuffer(file.read(), header["dtype"]).reshape(header["shape"])
    part = tuple(slice(i * n, i * n + n) for i, n in zip(index, header["chunks"], strict=True))
    return image[part]


def write_padded(file, image, chunks):
    grid_shape = [-(-n // size) for n, size in zip(image.shape, chunks, strict=True)]
    header = json.dumps({"dtype": image.dtype.str, "grid": grid_shape, "chunks": chunks}).encode()
    file.write(len(header).to_bytes(8, "little") + header)
    padded = np.pad(image, [(0, -n % size) for n, size in zip(image.shape, chunks, strict=True)])
    for index in product(*map(range, grid_shape)):
        part = tuple(slice(i * n, i * n + n) for i, n in zip(index, chunks, strict=True))
        file.write(padded[part].tobytes())


def read_padded(file, index):
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
    nbytes = prod(header["chunks"]) * np.dtype(header["dtype"]).itemsize
    place = int(np.ravel_multi_index(index, header["grid"]))
    file.seek(8 + length + place * nbytes)
    return np.frombuffer(file.read(nbytes), header["dtype"]).reshape(header["chunks"])


def write_nothing(file, image, chunks):
    pass


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


# 03.2


def slices_from(per_axis: Callable[[int, int], list[slice]]) -> Callable[..., Any]:
    def chunk_slices(shape, chunks):
        return product(*map(per_axis, shape, chunks))

    return chunk_slices


floor_division = slices_from(
    lambda length, size: [slice(i * size, i * size + size) for i in range(length // size)]
)
leaving_the_array = slices_from(
    lambda length, size: [slice(i, i + size) for i in range(0, length, size)]
)
last_element_missing = slices_from(
    lambda length, size: [slice(i, min(i + size, length) - 1) for i in range(0, length, size)]
)
overlapping = slices_from(
    lambda length, size: [slice(i, min(i + size, length)) for i in range(length)]
)


def first_axis_fastest(shape, chunks):
    return [part[::-1] for part in grid.chunk_slices(shape[::-1], chunks[::-1])]


def flat_slices(shape, chunks):
    for length, size in zip(shape, chunks, strict=True):
        for start in range(0, length, size):
            yield slice(start, min(start + size, length))


def diagonal(shape, chunks):
    ranges = [range(0, n, size) for n, size in zip(shape, chunks, strict=True)]
    for starts in zip(*ranges, strict=False):
        ends = zip(starts, chunks, shape, strict=True)
        yield tuple(slice(start, min(start + size, n)) for start, size, n in ends)


def number_for_size(shape, chunks):
    sizes = [-(-length // size) for length, size in zip(shape, chunks, strict=True)]
    return grid.chunk_slices(shape, sizes)


# 03.5


def smooth(
    depth: Callable[[float], int] = lambda sigma: ceil(4 * sigma),
    mode: str = "nearest",
    dtype: str = "float32",
    output: str = "float32",
    trim: bool = True,
) -> Callable[..., Any]:
    def gaussian_in_chunks(image, chunks, sigma):
        result = np.empty(image.shape, output)
        for index in grid.chunk_slices(image.shape, chunks):
            outer, inner = grid.expand(index, depth(sigma), image.shape)
            block = ndimage.gaussian_filter(image[outer].astype(dtype), sigma, mode=mode)
            result[index] = (
                block[inner] if trim else block[tuple(slice(s.stop - s.start) for s in index)]
            )
        return result

    return gaussian_in_chunks


def at_once(image, chunks, sigma):
    return ndimage.gaussian_filter(image[...].astype("float32"), sigma, mode="nearest")


def reading_twice(image, chunks, sigma):
    once = smooth()(image, chunks, sigma)
    return smooth()(image, chunks, sigma) if once.any() else once


def untrimmed(image, chunks, sigma):
    return np.concatenate([at_once(image, chunks, sigma)] * 2)


# 03.6


def cut_evenly(shape, shards, n_writers):
    edges = np.linspace(0, shape[0], n_writers + 1).astype(int)
    rest = tuple(slice(0, length) for length in shape[1:])
    return [
        [(slice(int(start), int(stop)), *rest)] if start < stop else []
        for start, stop in pairwise(edges)
    ]


def rest_lost(shape, shards, n_writers):
    regions = list(grid.chunk_slices(shape, shards))
    each = len(regions) // n_writers
    return [regions[i * each : (i + 1) * each] for i in range(n_writers)]


def all_to_one(shape, shards, n_writers):
    return [list(grid.chunk_slices(shape, shards)), *([] for _ in range(n_writers - 1))]


def all_to_all(shape, shards, n_writers):
    return [list(grid.chunk_slices(shape, shards)) for _ in range(n_writers)]


def one_list(shape, shards, n_writers):
    return list(grid.chunk_slices(shape, shards)) * 9


# 03.7


def refuse(target, max_bytes):
    if prod(target.chunks) * target.dtype.itemsize > max_bytes:
        raise ValueError("too little")


def chunk_by_chunk(source, target, max_bytes):
    refuse(target, max_bytes)
    for index in grid.chunk_slices(target.shape, target.chunks):
        target[index] = source[index]


def everything(source, target, max_bytes):
    refuse(target, max_bytes)
    target[:, :] = source[:, :]


def hoarding(source, target, max_bytes):
    refuse(target, max_bytes)
    parts = [(index, source[index]) for index in grid.chunk_slices(source.shape, source.chunks)]
    whole = np.empty(source.shape, source.dtype)
    for index, part in parts:
        whole[index] = part
    for index in grid.chunk_slices(target.shape, target.chunks):
        target[index] = whole[index]


def by_source_chunks(source, target, max_bytes):
    refuse(target, max_bytes)
    for index in grid.chunk_slices(source.shape, source.chunks):
        target[index] = source[index]


def edges_left(source, target, max_bytes):
    refuse(target, max_bytes)
    for index in grid.chunk_slices(target.shape, target.chunks):
        if all((part.stop - part.start) == n for part, n in zip(index, target.chunks, strict=True)):
            target[index] = source[index]


def never_refusing(source, target, max_bytes):
    itemsize = source.dtype.itemsize
    block = [min(size, n) for size, n in zip(target.chunks, source.shape, strict=True)]
    axes = range(len(block))
    for axis in sorted(axes, key=lambda axis: -source.chunks[axis] / target.chunks[axis]):
        layer = prod(block) // block[axis] * itemsize
        n_chunks = max_bytes // layer // target.chunks[axis]
        block[axis] = max(block[axis], min(n_chunks * target.chunks[axis], source.shape[axis]))
    for index in grid.chunk_slices(source.shape, block):
        target[index] = source[index]


PLANTED = [
    Planted("01.1", prediction(60 * 256 * 256, 31457280, 8), "number of voxels"),
    Planted("01.1", prediction(7864320 * 8, 31457280, 8), "A byte has 8"),
    Planted("01.1", prediction(7.86, 31457280, 8), "MB or MiB"),
    Planted("01.1", prediction(7864320, 7864320 * 2, 8), "float32"),
    Planted("01.1", prediction(7864320, 31457280, 7), "1 MiB is 2**20"),
    Planted("01.1", prediction(7864320, 31457280, 16), "more than one byte"),
    Planted("01.1", prediction(7864320, None, None), "still `None`"),
    Planted("01.1", prediction("many", 1, 1), "a str; expected a number"),
    Planted("01.1", 7864320, "Keep the keys"),
    Planted("01.2", whole_file, "reads too much"),
    Planted("01.2", offset_forgotten, "`offset` is counted in bytes"),
    Planted("01.2", plane_before, "counted from 0"),
    Planted("01.2", own_byte_order, "wrong order"),
    Planted("01.2", values_not_bytes, "from another place"),
    Planted("01.2", not_reshaped, "shape"),
    Planted("01.2", transposed_plane, "transpose"),
    Planted("01.2", converted, "has dtype float64"),
    Planted("01.2", lambda *args: None, "end with `return"),
    Planted("01.3", bytes_by("by length"), "Where a region starts matters"),
    Planted("01.3", bytes_by("one less"), "One chunk too few"),
    Planted("01.3", bytes_by("one more"), "One chunk too many"),
    Planted("01.3", lambda r, c, d: requested(r) * d.itemsize, "compressed as a whole"),
    Planted("01.3", lambda r, c, d: len(chunking.chunks_touched(r, c)), "number of chunks"),
    Planted("01.3", lambda r, c, d: RULES["right"](r, c) * prod(c), "Those are voxels"),
    Planted("01.3", lambda r, c, d: bytes_by("right")(r, c, d) / 1, "Count with integers"),
    Planted("01.3", lambda r, c, d: 1048576, "looks hard-coded"),
    Planted("01.3", lambda r, c, d: print(r), "end with `return"),
    Planted("01.4", by_largest, "holds nothing below 0"),
    Planted("01.4", limit_left_out, "limits count"),
    Planted("01.4", always_signed, "reaches twice as far"),
    Planted("01.4", lambda image: np.dtype("uint8"), "looks hard-coded"),
    Planted("01.4", lambda image: image.dtype, "looks hard-coded"),
    Planted(
        "01.4", lambda image: np.dtype(f"float{32 + 32 * (image[0, 0] % 2)}"), "integer dtypes"
    ),
    Planted("01.4", lambda image: image.max(), "expected a dtype"),
    Planted("01.4", lambda image: None, "expected a dtype"),
    Planted("01.5", rounded_down, "rounding to the middle"),
    Planted("01.5", wraps, "It wrapped around"),
    Planted("01.5", small_step, "are enough"),
    Planted("01.5", wide_step, "rounding to the middle"),
    Planted("01.5", left_wide, "larger dtype takes more room"),
    Planted("01.5", in_place, "changes its input"),
    Planted("01.5", lambda image, max_error: image, "are enough"),
    Planted("01.5", lambda image, max_error: np.zeros_like(image), "may be at most"),
    Planted("01.6", top_only, "Chunks lie deeper"),
    Planted("01.6", not_hidden, "begins with a dot"),
    Planted("01.6", with_directories, "Count files only"),
    Planted("01.6", number_of_files, "That is the number of files"),
    Planted("01.6", lambda path: 4096, "looks hard-coded"),
    Planted("01.7", (write_whole, read_from_whole), "reads too much"),
    Planted("01.7", (write_padded, read_padded), "part that lies inside the array"),
    Planted("01.7", (write_nothing, read_padded), "wrote nothing"),
    Planted("01.7", write_padded, "two functions"),
    Planted("01.7", [write_padded, 3], "as a pair"),
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
    Planted("03.1", (1, 256, 256), "Make them thinner in y"),
    Planted("03.1", (20, 128, 128), "Make them thinner in z"),
    Planted("03.1", (8, 16, 256), "does not divide 60"),
    Planted("03.1", (10, 16, 64), "at least 64 KiB"),
    Planted("03.1", (10, 16, 512), "larger than the image"),
    Planted("03.1", (10, 16), "three positive integers"),
    Planted("03.1", (10.0, 16, 256), "three positive integers"),
    Planted("03.2", floor_division, "Only the edges are missing"),
    Planted("03.2", leaving_the_array, "leaves the array"),
    Planted("03.2", last_element_missing, "last element of every chunk is missing"),
    Planted("03.2", overlapping, "must not overlap"),
    Planted("03.2", first_axis_fastest, "last axis goes fastest"),
    Planted("03.2", flat_slices, "expected a tuple of slices"),
    Planted("03.2", diagonal, "every other axis"),
    Planted("03.2", number_for_size, "not their number"),
    Planted("03.2", lambda s, c: [(slice(0, 2),), (slice(2, 4),)], "looks hard-coded"),
    Planted("03.2", lambda s, c: len(s), "for` loop"),
    Planted("03.2", lambda s, c: None, "`return` at the end"),
    Planted("03.2", lambda s, c: [(slice(0, n),) for n in s], "one per axis"),
    Planted("03.3", amplification_by("by length"), "Where a region starts matters"),
    Planted("03.3", amplification_by("one less"), "One chunk too few"),
    Planted("03.3", amplification_by("one more"), "One chunk too many"),
    Planted("03.3", cut_at_the_edge, "in full size"),
    Planted("03.3", lambda s, c, r: RULES["right"](r, c), "number of chunks"),
    Planted("03.3", lambda s, c, r: RULES["right"](r, c) * prod(c), "divide it by"),
    Planted("03.3", lambda s, c, r: 1 / amplification_by("right")(s, c, r), "other way round"),
    Planted("03.3", lambda s, c, r: prod(s) / requested(r), "That is the whole array"),
    Planted("03.3", lambda s, c, r: 256.0, "looks hard-coded"),
    Planted("03.4", lambda c, d: prod(1 + d / n for n in c) - 1, "both sides"),
    Planted("03.4", lambda c, d: sum(2 * d / n for n in c), "corners are missing"),
    Planted("03.4", lambda c, d: prod(1 + 2 * d / n for n in c), "subtract 1"),
    Planted("03.4", lambda c, d: 100 * (prod(1 + 2 * d / n for n in c) - 1), "in per cent"),
    Planted("03.4", lambda c, d: 1 - 1 / prod(1 + 2 * d / n for n in c), "Divide by the size"),
    Planted("03.4", lambda c, d: 0.934, "looks hard-coded"),
    Planted("03.4", lambda c, d: [1 + 2 * d / n for n in c], "expected one number"),
    Planted("03.5", smooth(depth=lambda sigma: 0), "read a halo around each chunk"),
    Planted("03.5", smooth(depth=lambda sigma: ceil(2 * sigma)), "cuts it off at 4 sigma"),
    Planted("03.5", smooth(mode="constant"), "The inside is right"),
    Planted("03.5", smooth(dtype="uint16", output="uint16"), "convert to float32"),
    Planted("03.5", smooth(output="float64"), "has dtype float64; expected float32"),
    Planted("03.5", smooth(trim=False), "halo"),
    Planted("03.5", smooth(depth=lambda sigma: 30), "reads too much"),
    Planted("03.5", at_once, "reads too much"),
    Planted("03.5", reading_twice, "Read once for each chunk"),
    Planted("03.5", untrimmed, "Cut the halo off"),
    Planted("03.5", lambda image, chunks, sigma: image.shape, "expected an array"),
    Planted("03.6", cut_evenly, "It writes outside its shard"),
    Planted("03.6", rest_lost, "some get one more"),
    Planted("03.6", all_to_one, "All wait for the slowest"),
    Planted("03.6", all_to_all, "given out already"),
    Planted("03.6", one_list, "one entry for each"),
    Planted("03.6", lambda s, c, n: [[(0, 1)]] * n, "one slice per axis"),
    Planted("03.6", lambda s, c, n: None, "one entry for each"),
    Planted("03.7", chunk_by_chunk, "blocks of several target chunks"),
    Planted("03.7", everything, "forget it before the next"),
    Planted("03.7", hoarding, "forget it before the next"),
    Planted("03.7", by_source_chunks, "It writes outside its chunk"),
    Planted("03.7", edges_left, "at the edges too"),
    Planted("03.7", never_refusing, "raise ValueError"),
]
