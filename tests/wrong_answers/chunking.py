"""Wrong answers to the exercises on chunking."""

from collections.abc import Callable
from itertools import pairwise, product
from math import ceil, prod
from typing import Any

import numpy as np
from scipy import ndimage

from data_helpers import grid
from wrong_answers.common import RULES, Planted, requested

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


# 03.3


def amplification_by(rule: str) -> Callable[..., float]:
    count = RULES[rule]

    def read_amplification(shape, chunks, region):
        return count(region, chunks) * prod(chunks) / requested(region)

    return read_amplification


def cut_at_the_edge(shape, chunks, region):
    read = 1
    for part, size, length in zip(region, chunks, shape, strict=True):
        read *= min(-(-part.stop // size) * size, length) - part.start // size * size
    return read / requested(region)


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
