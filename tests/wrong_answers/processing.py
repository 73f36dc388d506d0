"""Wrong answers to the exercises on chunk-wise processing."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from joblib import delayed
from scipy import ndimage

from data_helpers import chunk_slices, expand, otsu_from_histogram
from wrong_answers.common import Planted

# 05.2


def corrected(
    *,
    dtype: str = "float32",
    early: Callable[[Any], Any] = lambda difference: difference,
    rounded: Callable[[Any], Any] = lambda light: np.floor(light + 0.5),
    limits: Callable[[Any], Any] = lambda image: (0, np.iinfo(image.dtype).max),
    to: str | None = None,
) -> Callable[..., Any]:
    def correct(image, dark, gain):
        light = early(image.astype(dtype) - dark) * gain
        return np.clip(rounded(light), *limits(image)).astype(to or image.dtype)

    return correct


def wraps_below(image, dark, gain):
    difference = image - dark.astype(image.dtype)
    light = np.floor(difference * gain + 0.5)
    return np.clip(light, 0, np.iinfo(image.dtype).max).astype(image.dtype)


def not_clipped(image, dark, gain):
    light = np.floor((image.astype("float32") - dark) * gain + 0.5)
    return light.astype("int64").astype(image.dtype)


def only_the_bottom(image, dark, gain):
    light = np.maximum(np.floor((image.astype("float32") - dark) * gain + 0.5), 0)
    return light.astype("int64").astype(image.dtype)


def clipped_too_late(image, dark, gain):
    light = np.floor((image.astype("float32") - dark) * gain + 0.5)
    return np.clip(light.astype("int64").astype(image.dtype), 0, np.iinfo(image.dtype).max)


def absolute(image, dark, gain):
    light = np.abs(np.floor((image.astype("float32") - dark) * gain + 0.5))
    return np.clip(light, 0, np.iinfo(image.dtype).max).astype(image.dtype)


def no_parentheses(image, dark, gain):
    light = np.floor(image.astype("float32") * gain - dark + 0.5)
    return np.clip(light, 0, np.iinfo(image.dtype).max).astype(image.dtype)


def gain_forgotten(image, dark, gain):
    light = np.floor(image.astype("float32") - dark + 0.5)
    return np.clip(light, 0, np.iinfo(image.dtype).max).astype(image.dtype)


# 05.3


def work(f, source, target, index):
    target[index] = f(source[index])


def listed(
    pieces: Callable[[Any, Any], Sequence[int]], do: Callable[..., Any] = work
) -> Callable[..., Any]:
    def make_jobs(f, source, target):
        sizes = pieces(source, target)
        return [delayed(do)(f, source, target, i) for i in chunk_slices(target.shape, sizes)]

    return make_jobs


def unit(source, target):
    return target.shards or target.chunks


def called_at_once(f, source, target):
    pieces = chunk_slices(target.shape, unit(source, target))
    return [delayed(work(f, source, target, index)) for index in pieces]


def computed_at_once(f, source, target):
    def write(index, block):
        target[index] = block

    pieces = chunk_slices(target.shape, unit(source, target))
    return [delayed(write)(index, f(source[index])) for index in pieces]


def captured_late(f, source, target):
    jobs = []
    for index in chunk_slices(target.shape, unit(source, target)):

        def fill():
            target[index] = f(source[index])  # noqa: B023 - the mistake

        jobs.append(delayed(fill)())
    return jobs


def lambdas(f, source, target):
    pieces = chunk_slices(target.shape, unit(source, target))
    return [lambda index=index: work(f, source, target, index) for index in pieces]


def whole_chunks_only(f, source, target):
    sizes = unit(source, target)
    pieces = chunk_slices(target.shape, sizes)
    full = [i for i in pieces if all(s.stop - s.start == n for s, n in zip(i, sizes, strict=True))]
    return [delayed(work)(f, source, target, index) for index in full]


def one_job(f, source, target):
    return [delayed(work)(f, source, target, tuple(slice(n) for n in target.shape))]


IMAGE = np.arange(6000).reshape(20, 300)  # a name that is left over in a notebook


def of_a_global(f, source, target, index):
    shape = [s.stop - s.start for s in index]
    target[index] = f(np.resize(IMAGE, shape))


def returned(f, source, target, index):
    return f(source[index])


def whole_then_cut(f, source, target, index):
    target[index] = f(source[...])[index]


def copied(f, source, target, index):
    target[index] = source[index]


# 05.4


def enlarged(
    *,
    start: Callable[[int, int], int] = lambda start, factor: start // factor,
    offset: Callable[[int, int], int] = lambda start, factor: start % factor,
    repeat: Callable[..., Any] = np.repeat,
    pieces: Callable[[Any, Any], Sequence[int]] = lambda source, target: target.chunks,
) -> Callable[..., Any]:
    def enlarge(source, target, factor):
        for index in chunk_slices(target.shape, pieces(source, target)):
            needed = tuple(slice(start(s.start, factor), -(-s.stop // factor)) for s in index)
            block = source[needed]
            for axis in range(block.ndim):
                block = repeat(block, factor, axis=axis)
            mine = tuple(
                slice(offset(s.start, factor), offset(s.start, factor) + s.stop - s.start)
                for s in index
            )
            target[index] = block[mine]

    return enlarge


def last_voxel_lost(source, target, factor):
    for index in chunk_slices(target.shape, target.chunks):
        block = source[tuple(slice(s.start // factor, s.stop // factor) for s in index)]
        for axis in range(block.ndim):
            block = np.repeat(block, factor, axis=axis)
        target[index] = block


def whole_read(source, target, factor):
    block = source[...]
    for axis in range(block.ndim):
        block = np.repeat(block, factor, axis=axis)
    for index in chunk_slices(target.shape, target.chunks):
        target[index] = block[index]


def whole_read_each_time(source, target, factor):
    for index in chunk_slices(target.shape, target.chunks):
        block = source[...]
        for axis in range(block.ndim):
            block = np.repeat(block, factor, axis=axis)
        target[index] = block[index]


def tiled(source, target, factor):
    large = np.tile(source[...], (factor,) * len(source.shape))
    for index in chunk_slices(target.shape, target.chunks):
        target[index] = large[index]


def interpolated(source, target, factor):
    grid = np.meshgrid(*(np.arange(n) / factor for n in target.shape), indexing="ij")
    large = ndimage.map_coordinates(source[...].astype(float), grid, order=1, mode="nearest")
    for index in chunk_slices(target.shape, target.chunks):
        target[index] = large[index]


def edges_left(source, target, factor):
    for index in chunk_slices(target.shape, target.chunks):
        if all(s.stop - s.start == n for s, n in zip(index, target.chunks, strict=True)):
            needed = tuple(slice(s.start // factor, -(-s.stop // factor)) for s in index)
            mine = tuple(slice(s.start % factor, s.start % factor + n)
                         for s, n in zip(index, target.chunks, strict=True))  # fmt: skip
            block = source[needed]
            for axis in range(block.ndim):
                block = np.repeat(block, factor, axis=axis)
            target[index] = block[mine]


# 05.5


def otsu(block):
    top = int(block.max())
    return otsu_from_histogram(
        np.bincount(np.ravel(block), minlength=top + 1), np.arange(top + 2) - 0.5
    )


def of_each(combine: Callable[[Any], Any]) -> Callable[..., Any]:
    def find_threshold(image):
        return combine([otsu(image[i]) for i in chunk_slices(image.shape, image.chunks)])

    return find_threshold


def in_bins(
    bins: Callable[[Any, Any], dict[str, Any]],
    chosen: Callable[[Any], Any] = lambda pieces: pieces,
    *,
    end: Callable[[Any, Any], Any] = otsu_from_histogram,
) -> Callable[..., Any]:
    """Add histograms up, made as told, over the chunks that are chosen."""

    def find_threshold(image):
        total: Any = 0
        for index in chosen(list(chunk_slices(image.shape, image.chunks))):
            counts, edges = np.histogram(image[index], **bins(image, index))
            total = total + counts
        return end(total, edges)

    return find_threshold


def of_the_dtype(image, index):
    return {"bins": np.arange(np.iinfo(image.dtype).max + 2) - 0.5}


def whole_pieces(pieces):
    shape = [pieces[0][axis].stop for axis in range(len(pieces[0]))]
    return [p for p in pieces if [s.stop - s.start for s in p] == shape]


def last_counts(image):
    for index in chunk_slices(image.shape, image.chunks):
        block = image[index]
    return otsu(block)


# 05.6


def mapped(
    *,
    depth: Callable[[int], int] = lambda depth: depth,
    rounded: Callable[[Any], Any] = lambda result: np.floor(result + 0.5),
    always: bool = False,
    pieces: Callable[[Any, Any], Sequence[int]] = lambda source, target: target.chunks,
) -> Callable[..., Any]:
    def map_with_halo(f, source, target, depths):
        halo = tuple(map(depth, depths))
        for index in chunk_slices(target.shape, pieces(source, target)):
            outer, inner = expand(index, halo, target.shape)
            result = f(source[outer])[inner]
            if always or (target.dtype.kind in "iu" and result.dtype.kind == "f"):
                result = rounded(result)
            target[index] = result

    return map_with_halo


def not_trimmed(f, source, target, depth):
    for index in chunk_slices(target.shape, target.chunks):
        outer, _ = expand(index, depth, target.shape)
        target[index] = f(source[outer])


def trimmed_everywhere(f, source, target, depth):
    for index in chunk_slices(target.shape, target.chunks):
        outer, _ = expand(index, depth, target.shape)
        target[index] = f(source[outer])[tuple(slice(d, -d) for d in depth)]


def chunk_at_depth(f, source, target, depth):
    for index in chunk_slices(target.shape, target.chunks):
        outer, _ = expand(index, [2 * d for d in depth], target.shape)
        block = np.pad(source[outer], [(0, 2 * d) for d in depth])
        inner = tuple(slice(d, d + s.stop - s.start) for s, d in zip(index, depth, strict=True))
        target[index] = f(block)[inner]


def zeros_outside(f, source, target, depth):
    for index in chunk_slices(target.shape, target.chunks):
        outer, inner = expand(index, depth, target.shape)
        block = np.pad(source[outer], [(d, d) for d in depth])
        inner = tuple(slice(s.start + d, s.stop + d) for s, d in zip(inner, depth, strict=True))
        result = f(block)[inner]
        target[index] = np.floor(result + 0.5) if target.dtype.kind in "iu" else result


def filtered_whole(f, source, target, depth):
    result = f(source[...])
    if target.dtype.kind in "iu":
        result = np.floor(result + 0.5)
    for index in chunk_slices(target.shape, target.chunks):
        target[index] = result[index]


def never_written(f, source, target, depth):
    for index in chunk_slices(target.shape, target.chunks):
        outer, inner = expand(index, depth, target.shape)
        result = f(source[outer])[inner]
    return result


# 05.7


def slabs(target, row=None):
    length, row = target.shape[0], row or target.chunks[0]
    return [(start, min(start + row, length)) for start in range(0, length, row)]


def with_its_halo(f, source, target, depth):
    for start, stop in slabs(target):
        first = max(start - depth, 0)
        result = f(source[first : stop + depth])
        target[start:stop] = result[start - first : stop - first]


def all_planes_kept(f, source, target, depth):
    rows = range(0, source.shape[0], source.chunks[0])
    held = np.concatenate([source[at : at + source.chunks[0]] for at in rows])
    for start, stop in slabs(target):
        first = max(start - depth, 0)
        target[start:stop] = f(held[first : stop + depth])[start - first : stop - first]


def all_at_once(f, source, target, depth):
    target[...] = f(source[...])


def rolled(
    *,
    before: Callable[[int], int] = lambda depth: depth,
    behind: Callable[[int], int] = lambda depth: depth,
    drop: bool = True,
    counted: bool = True,
    rows: Callable[[Any, Any], int] = lambda source, target: target.chunks[0],
) -> Callable[..., Any]:
    def filter_once(f, source, target, depth):
        length, row = source.shape[0], source.chunks[0]
        held, first, read = np.empty((0, *source.shape[1:]), source.dtype), 0, 0
        for start, stop in slabs(target, rows(source, target)):
            needed = max(start - before(depth), 0)
            if drop:
                held = held[needed - first :]
                first = needed
            while read < min(stop + behind(depth), length):
                held = np.concatenate([held, source[read : read + row]])
                read = min(read + row, length)
            at = start - first if counted else min(start, depth)
            result = f(held[: stop + behind(depth) - first])
            target[start:stop] = result[at : at + stop - start]

    return filter_once


def result_not_cut(f, source, target, depth):
    for start, stop in slabs(target):
        target[start:stop] = f(source[max(start - depth, 0) : stop + depth])


PLANTED = [
    Planted("05.1", (0, 0, 0), "sees nothing of the next chunk"),
    Planted("05.1", (3, 8, 8), "Their reaches add up"),
    Planted("05.1", (8, 22, 22), "both sides together"),
    Planted("05.1", (4, 7, 7), "That is 2 sigma of the Gaussian"),
    Planted("05.1", (4, 10, 10), "The Sobel filter is missing"),
    Planted("05.1", (4, 9, 9), "Is the median missing"),
    Planted("05.1", (4, 11, 5), "add up"),
    Planted("05.1", (11, 11, 11), "a depth of its own"),
    Planted("05.1", (4, 16, 16), "counts whole windows"),
    Planted("05.1", (5, 11, 11), "one voxel less than rounding up"),
    Planted("05.1", (6, 11, 11), "nothing but the voxel itself"),
    Planted("05.1", 11, "expected three whole numbers"),
    Planted("05.2", wraps_below, "knows nothing below 0"),
    Planted("05.2", not_clipped, "knows nothing below 0"),
    Planted("05.2", clipped_too_late, "knows nothing below 0"),
    Planted("05.2", only_the_bottom, "wrapped around at the top"),
    Planted("05.2", absolute, "negative values become 0"),
    Planted("05.2", corrected(limits=lambda image: (0, 255)), "np.iinfo(image.dtype).max"),
    Planted("05.2", corrected(limits=lambda image: (0, None), to="float32"), "expected uint8"),
    Planted("05.2", corrected(rounded=lambda light: light), "decimals are cut off"),
    Planted("05.2", corrected(rounded=np.rint), "nearest even"),
    Planted("05.2", corrected(rounded=np.ceil), "Always up is not half up"),
    Planted("05.2", corrected(early=np.rint), "Rounded twice"),
    Planted("05.2", corrected(early=np.trunc), "Rounded twice"),
    Planted("05.2", no_parentheses, "First subtract, then multiply"),
    Planted("05.2", gain_forgotten, "The gain is missing"),
    Planted("05.2", lambda image, dark, gain: None, "end with `return"),
    Planted("05.3", called_at_once, "notes down a call"),
    Planted("05.3", computed_at_once, "while the list was made"),
    Planted("05.3", captured_late, "Hand the region on as an argument"),
    Planted("05.3", lambdas, "expected a job"),
    Planted(
        "05.3",
        listed(lambda source, target: source.chunks),
        "whatever the chunks of the source are",
    ),
    Planted("05.3", listed(lambda source, target: target.chunks), "cuts through a shard"),
    Planted("05.3", listed(lambda source, target: (4, 4, 5)[: len(target.shape)]), "cuts through"),
    Planted("05.3", whole_chunks_only, "also those that the edge cuts short"),
    Planted("05.3", one_job, "One job, one chunk"),
    Planted("05.3", listed(unit, of_a_global), "Use the argument `source`"),
    Planted("05.3", listed(unit, returned), "assigns to `target[index]`"),
    Planted("05.3", listed(unit, whole_then_cut), "reads too much"),
    Planted("05.3", listed(unit, copied), "Write `f(block)`"),
    Planted("05.3", lambda f, source, target: [], "an empty list"),
    Planted("05.3", lambda f, source, target: None, "`return` at the end"),
    Planted("05.4", last_voxel_lost, "The chunk ends with voxel `stop - 1`"),
    Planted("05.4", enlarged(offset=lambda start, factor: 0), "is shown fewer times"),
    Planted("05.4", enlarged(pieces=lambda source, target: source.chunks), "cuts through a chunk"),
    Planted("05.4", enlarged(start=lambda start, factor: 0), "`i // factor`"),
    Planted("05.4", whole_read, "reads too much"),
    Planted("05.4", whole_read_each_time, "reads too much"),
    Planted("05.4", tiled, "`np.repeat` repeats voxels"),
    Planted("05.4", interpolated, "nothing is to be interpolated"),
    Planted("05.4", edges_left, "also those that the edge cuts short"),
    Planted("05.4", lambda source, target, factor: source, "assign to `target[index]`"),
    Planted("05.5", of_each(np.mean), "mean of the thresholds of the chunks"),
    Planted("05.5", of_each(np.median), "median of the thresholds of the chunks"),
    Planted("05.5", of_each(lambda each: each[0]), "is `return` inside the loop"),
    Planted("05.5", last_counts, "the counts of the others are gone"),
    Planted("05.5", in_bins(of_the_dtype, whole_pieces), "which the end of the image cuts short"),
    Planted("05.5", in_bins(lambda image, i: {"bins": 64}), "Bin 5 of one chunk is not bin 5"),
    Planted(
        "05.5",
        in_bins(lambda image, i: {"bins": 32, "range": (0, np.iinfo(image.dtype).max)}),
        "bins are too wide",
    ),
    Planted(
        "05.5",
        in_bins(lambda image, i: {"bins": np.arange(np.iinfo(image.dtype).max + 2)}),
        "whole numbers as their centres",
    ),
    Planted("05.5", in_bins(of_the_dtype, end=lambda counts, edges: counts), "Counts are on the"),
    Planted("05.5", lambda image: otsu(image[...]), "the whole image"),
    Planted("05.5", lambda image: 128.0, "looks hard-coded"),
    Planted("05.5", lambda image: None, "end with `return"),
    Planted("05.6", mapped(depth=lambda depth: 0), "Did you read a halo"),
    Planted("05.6", mapped(depth=lambda depth: max(depth - 1, 0)), "Did you read a halo"),
    Planted("05.6", mapped(depth=lambda depth: depth + 2), "reads too much"),
    Planted("05.6", mapped(rounded=lambda result: result), "decimals are cut off"),
    Planted("05.6", mapped(rounded=np.rint), "nearest even"),
    Planted("05.6", mapped(always=True), "Round only where the target has integers"),
    Planted("05.6", mapped(pieces=lambda source, target: source.chunks), "cuts through a chunk"),
    Planted("05.6", not_trimmed, "cut the halo off again"),
    Planted("05.6", trimmed_everywhere, "has no halo on that side"),
    Planted("05.6", chunk_at_depth, "the halo is cut short"),
    Planted("05.6", zeros_outside, "put nothing outside"),
    Planted("05.6", filtered_whole, "the whole image"),
    Planted("05.6", never_written, "assign to `target[index]`"),
    Planted("05.7", with_its_halo, "Read whole rows of chunks"),
    Planted("05.7", all_planes_kept, "of memory at its peak"),
    Planted("05.7", all_at_once, "read the whole image at once"),
    Planted("05.7", rolled(drop=False), "planes at once"),
    Planted("05.7", rolled(before=lambda depth: 0, behind=lambda depth: 0), "planes up and down"),
    Planted("05.7", rolled(behind=lambda depth: depth - 1), "planes up and down"),
    Planted("05.7", rolled(before=lambda depth: depth - 1, counted=True), "planes up and down"),
    Planted("05.7", rolled(drop=False, counted=False), "are those that belong at"),
    Planted("05.7", result_not_cut, "write only the planes of the slab"),
    Planted("05.7", rolled(rows=lambda source, target: source.chunks[0]), "cuts through a chunk"),
    Planted("05.7", lambda f, source, target, depth: None, "wrote nothing"),
]
