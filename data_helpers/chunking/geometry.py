"""What a chunk shape costs, in plain integers.

A chunk is the least that can be read and decoded, and all chunks of a Zarr array have the same
size: those at the edge of the array are stored full size, padded. So the cost of a view follows
from three tuples of integers, before anything is written::

     chunks (4, 4) of an array (10, 10)       region rows 3:5, columns 5:7

         0       4       8   10 .. 12
       0 +-------+-------+-------+
         |       | # # # |       |            4 voxels requested   (the o)
       3 |       | #oo # |       |            32 voxels decoded    (# and o)
       4 +-------+-------+-------+            amplification 8
         |       | #oo # |       |
         |       | # # # |       |            rows and columns 10 to 12 are
       8 +-------+-------+-------+            padding, stored all the same
         |       |       |       |
      12 +-------+-------+-------+
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from operator import index as as_int
from typing import Any

from data_helpers.grid import Index, chunk_borders, index_bounds

__all__ = [
    "ReadCost",
    "chunks_touched",
    "halo_overhead",
    "read_amplification",
    "read_cost",
]

# One entry of a shard's index: the offset and the length of a chunk, 8 bytes each, and behind all
# entries a checksum of 4 bytes (the sharding codec of Zarr 3 with its default index codecs).
INDEX_ENTRY, INDEX_CHECKSUM = 16, 4


@dataclass(frozen=True)
class ReadCost:
    """What one region of a Zarr array costs to read.

    Attributes
    ----------
    requested
        Voxels in the region.
    decoded
        Voxels that have to be fetched and decoded: whole chunks, padding included.
    chunks
        Chunks touched.
    objects
        Files, or objects in a bucket, touched: shards where there are shards, else chunks.
    requests
        Requests when every chunk is asked for alone: one per chunk, and for a shard one more for
        its index; a shard of which all chunks are wanted is one request. A reader that joins
        neighbouring ranges, as newer versions of zarr-python do, needs fewer.
    index_bytes
        Bytes of shard indices read.

    Examples
    --------
    >>> cost = ReadCost(requested=4, decoded=32, chunks=2, objects=2, requests=2, index_bytes=0)
    >>> cost.amplification
    8.0
    """

    requested: int
    decoded: int
    chunks: int
    objects: int
    requests: int
    index_bytes: int

    @property
    def amplification(self) -> float:
        """Voxels decoded for each voxel requested; 1 is the least."""
        return self.decoded / self.requested

    def bytes_uncompressed(self, itemsize: int) -> int:
        """Bytes read if chunks are not compressed.

        Parameters
        ----------
        itemsize
            Bytes of one voxel.

        Returns
        -------
        int
            Bytes of all chunks and indices.
        """
        return self.decoded * itemsize + self.index_bytes


def chunks_touched(region: Index, chunks: Sequence[int]) -> list[tuple[int, ...]]:
    """List the chunks that hold a part of a region.

    Parameters
    ----------
    region
        One slice per axis with start and stop, in voxels.
    chunks
        Size of a chunk along each axis, in voxels.

    Returns
    -------
    list of tuple of int
        Position of each chunk in the grid of chunks, the last axis fastest. Zarr names its
        chunks by these numbers.

    Raises
    ------
    ValueError
        If dimensions differ, a slice is empty, negative, open or has a step, or a chunk size is
        below one.

    Examples
    --------
    >>> chunks_touched((slice(3, 5), slice(5, 7)), (4, 4))
    [(0, 1), (1, 1)]
    """
    stops: list[Any] = [getattr(part, "stop", None) for part in region]
    if None in stops:
        raise ValueError(
            f"region {region} has no stop on axis {stops.index(None)}; expected slices with a "
            "start and a stop, since the shape of the array is not known here"
        )
    bounds = index_bounds(region, stops)
    chunks = checked_sizes("chunks", chunks, len(bounds))
    spans = zip(bounds, chunks, strict=True)
    return list(product(*(_touched(start, stop, size) for (start, stop), size in spans)))


def read_cost(
    shape: Sequence[int],
    chunks: Sequence[int],
    region: Index,
    *,
    shards: Sequence[int] | None = None,
) -> ReadCost:
    """Count what has to be read for one region of a Zarr array.

    Parameters
    ----------
    shape
        Shape of the array.
    chunks
        Size of a chunk along each axis, in voxels; with shards, of a chunk inside a shard.
    region
        One slice per axis; ``slice(None)`` is a whole axis.
    shards
        Size of a shard along each axis, in voxels, a multiple of `chunks`.

    Returns
    -------
    ReadCost
        Voxels, chunks, objects and requests.

    Raises
    ------
    ValueError
        If dimensions differ, a size is below one, shards are not multiples of chunks, or the
        region is empty, leaves the array or has a step.

    Examples
    --------
    One plane of an image in cubes of 64: each chunk is decoded for one of its 64 planes.

    >>> plane = (slice(30, 31), slice(None), slice(None))
    >>> read_cost((60, 256, 256), (64, 64, 64), plane)
    ReadCost(requested=65536, decoded=4194304, chunks=16, objects=16, requests=16, index_bytes=0)

    The same chunks in one shard: one file, 17 requests.

    >>> cost = read_cost((60, 256, 256), (64, 64, 64), plane, shards=(128, 256, 256))
    >>> cost.objects, cost.requests, cost.index_bytes
    (1, 17, 516)
    """
    bounds = index_bounds(region, shape)
    chunks = checked_sizes("chunks", chunks, len(bounds))
    touched = prod(len(_touched(*pair, size)) for pair, size in zip(bounds, chunks, strict=True))
    objects, requests, index_bytes = touched, touched, 0
    if shards is not None:
        objects, requests, index_bytes = _shard_requests(chunks, bounds, shards)
    return ReadCost(
        requested=prod(stop - start for start, stop in bounds),
        decoded=touched * prod(chunks),
        chunks=touched,
        objects=objects,
        requests=requests,
        index_bytes=index_bytes,
    )


def read_amplification(shape: Sequence[int], chunks: Sequence[int], region: Index) -> float:
    """Voxels that must be decoded for each voxel of a region.

    Shards do not change it: a chunk inside a shard can be read alone. `read_cost` tells what they
    do change, the number of files and requests.

    Parameters
    ----------
    shape
        Shape of the array.
    chunks
        Size of a chunk along each axis, in voxels.
    region
        One slice per axis; ``slice(None)`` is a whole axis.

    Returns
    -------
    float
        Voxels decoded over voxels requested. 1 is the least; chunks at the edge count full size,
        as they are stored.

    Raises
    ------
    ValueError
        As `read_cost`.

    Examples
    --------
    >>> read_amplification((60, 256, 256), (1, 256, 256), (slice(30, 31), slice(None), slice(None)))
    1.0
    >>> read_amplification((60, 256, 256), (1, 256, 256), (slice(None), slice(9, 10), slice(None)))
    256.0
    """
    return read_cost(shape, chunks, region).amplification


def halo_overhead(
    chunks: Sequence[int], depth: int | Sequence[int], *, shape: Sequence[int] | None = None
) -> float:
    """How much more is read when every chunk is read with a halo.

    A chunk of ``c`` voxels with a halo of ``d`` on both sides is ``c + 2 d`` long, along every
    axis: the overhead is ``prod(1 + 2 d / c) - 1``. In an array halos end at its edges, so the
    true overhead is smaller; give `shape` to get it.

    Parameters
    ----------
    chunks
        Size of a chunk along each axis, in voxels.
    depth
        Voxels of halo on each side: one number for all axes, or one per axis.
    shape
        Shape of the array. Without it every chunk has all its neighbours.

    Returns
    -------
    float
        Voxels read more than once, over voxels of the array: 0 without a halo, 1 when twice as
        much is read.

    Raises
    ------
    ValueError
        If dimensions differ, a size is below one, or a depth is negative.

    Examples
    --------
    A radius of 50 around chunks of 256 by 256 nearly doubles the reading.

    >>> round(halo_overhead((256, 256), 50), 3)
    0.934
    >>> round(halo_overhead((256, 256), 50, shape=(512, 512)), 3)
    0.429
    >>> halo_overhead((256, 256), 50, shape=(256, 256))
    0.0
    """
    chunks = checked_sizes("chunks", chunks, len(chunks))
    depths = _checked_depths(depth, len(chunks))
    if shape is None:
        return prod(1 + 2 * d / c for c, d in zip(chunks, depths, strict=True)) - 1
    # Chunks form a grid, so the sum over all chunks is the product of one sum per axis.
    borders = chunk_borders(shape, chunks)
    read = prod(_read_along(axis, d) for axis, d in zip(borders, depths, strict=True))
    return read / prod(shape) - 1 if prod(shape) else 0.0


def _touched(start: int, stop: int, size: int) -> range:
    """Positions of the chunks between start and stop along one axis."""
    return range(start // size, (stop - 1) // size + 1)


def _shard_requests(
    chunks: tuple[int, ...],
    bounds: Sequence[tuple[int, int]],
    shards: Sequence[int],
) -> tuple[int, int, int]:
    """Shards touched, requests made, and bytes of indices read, for a region of a sharded array."""
    shards = checked_sizes("shards", shards, len(chunks))
    if any(shard % chunk for shard, chunk in zip(shards, chunks, strict=True)):
        raise ValueError(f"shards {shards} are not multiples of chunks {chunks}; make them so")
    per_shard = prod(shard // chunk for shard, chunk in zip(shards, chunks, strict=True))
    along = [
        [
            len(_touched(max(start, at * shard), min(stop, (at + 1) * shard), chunk))
            for at in _touched(start, stop, shard)
        ]
        for (start, stop), chunk, shard in zip(bounds, chunks, shards, strict=True)
    ]
    wanted = [prod(counts) for counts in product(*along)]
    requests = sum(1 if count == per_shard else 1 + count for count in wanted)
    return len(wanted), requests, len(wanted) * (INDEX_ENTRY * per_shard + INDEX_CHECKSUM)


def _read_along(borders: tuple[int, ...], depth: int) -> int:
    """Voxels read along one axis when every chunk is read with a halo, clipped at the edges."""
    last = borders[-1]
    return sum(min(stop + depth, last) - max(start - depth, 0) for start, stop in pairwise(borders))


def checked_sizes(name: str, sizes: Sequence[int], dimensions: int) -> tuple[int, ...]:
    """Give sizes as plain integers, one per axis and none below one."""
    plain = tuple(as_int(size) for size in sizes)
    if len(plain) != dimensions:
        raise ValueError(
            f"{name} {plain} has {len(plain)} dimensions, expected {dimensions}; "
            "give one size per axis"
        )
    if any(size < 1 for size in plain):
        raise ValueError(f"{name} {plain} has a size below 1; expected sizes of 1 or more")
    return plain


def _checked_depths(depth: int | Sequence[int], dimensions: int) -> tuple[int, ...]:
    """One depth per axis, none of them negative."""
    depths = tuple(depth) if isinstance(depth, Sequence) else (depth,) * dimensions
    if len(depths) != dimensions:
        raise ValueError(
            f"depth {depths} has {len(depths)} entries for chunks of {dimensions} dimensions; "
            "give one number, or one per axis"
        )
    if any(margin < 0 for margin in depths):
        raise ValueError(f"depth {depths} is negative; expected 0 or more voxels")
    return depths
