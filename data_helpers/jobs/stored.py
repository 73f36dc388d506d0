"""What a store really holds of an array: its bytes, before any codec or fill value."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from zarr.buffer import default_buffer_prototype
from zarr.codecs import Crc32cCodec, ShardingCodec
from zarr.core.sync import sync

from data_helpers.grid import Index, chunk_slices, index_bounds
from data_helpers.jobs.arrays import ZarrArray, all_chunk_indices, unit_of_work
from data_helpers.jobs.guards import index_text
from data_helpers.jobs.inline import wait_for

__all__ = [
    "absent_inner_chunks",
    "chunk_key",
    "store_bytes",
    "stored",
    "stored_bytes",
    "units_left",
    "units_within",
]

_ABSENT = 2**64 - 1  # what a shard's index says of a chunk it does not hold


def chunk_key(array: ZarrArray, unit: Index) -> str:
    """Key in the store of one shard or chunk.

    Parameters
    ----------
    array
        A Zarr array.
    unit
        Index of one of its units of work.

    Returns
    -------
    str
        The key, from the root of the store.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.create_array({}, name="a", shape=(8, 8), chunks=(4, 4), dtype="u1")
    >>> chunk_key(array, (slice(0, 4), slice(4, 8)))
    'a/c/0/1'
    """
    sizes = array.shards or array.chunks
    position = tuple(part.start // size for part, size in zip(unit, sizes, strict=True))
    key = array.metadata.encode_chunk_key(position)
    return f"{array.path}/{key}" if array.path else key


def units_within(array: ZarrArray, region: Index) -> Iterator[Index]:
    """Go through the units of work of an aligned region.

    Parameters
    ----------
    array
        A Zarr array.
    region
        A region aligned to its units of work.

    Yields
    ------
    tuple of slice
        One index per unit.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.create_array({}, shape=(8,), chunks=(2,), dtype="u1")
    >>> list(units_within(array, (slice(4, 8),)))
    [(slice(4, 6, None),), (slice(6, 8, None),)]
    """
    unit = unit_of_work(array)
    assert unit is not None
    bounds = index_bounds(region, array.shape)
    for inside in chunk_slices([stop - start for start, stop in bounds], unit):
        yield tuple(
            slice(start + part.start, start + part.stop)
            for (start, _), part in zip(bounds, inside, strict=True)
        )


def units_left(array: ZarrArray, regions: Iterable[Index]) -> list[Index]:
    """List the units of work of an array that no region covers.

    Parameters
    ----------
    array
        A Zarr array.
    regions
        Regions aligned to its units of work.

    Returns
    -------
    list of tuple of slice
        One index per unit that is left.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.create_array({}, shape=(8,), chunks=(2,), dtype="u1")
    >>> units_left(array, [(slice(0, 6),)])
    [(slice(6, 8, None),)]
    """
    covered = {index_text(unit) for region in regions for unit in units_within(array, region)}
    return [unit for unit in all_chunk_indices(array) if index_text(unit) not in covered]


def stored(array: ZarrArray, regions: Sequence[Index]) -> list[bool]:
    """Tell of each region whether the store has all its shards or chunks.

    Parameters
    ----------
    array
        A Zarr array.
    regions
        Regions aligned to its units of work.

    Returns
    -------
    list of bool
        One answer per region.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.create_array({}, shape=(4,), chunks=(2,), dtype="u1")
    >>> array[:2] = 1
    >>> stored(array, [(slice(0, 2),), (slice(2, 4),)])
    [True, False]
    """
    keys = [[chunk_key(array, unit) for unit in units_within(array, region)] for region in regions]
    every_key = [key for some in keys for key in some]
    found = dict(zip(every_key, _all_of(map(array.store.exists, every_key)), strict=True))
    return [all(found[key] for key in some) for some in keys]


def stored_bytes(array: ZarrArray, key: str) -> bytes | None:
    """Give the bytes under a key, or None when the store has none.

    Parameters
    ----------
    array
        A Zarr array.
    key
        A key in its store.

    Returns
    -------
    bytes or None
        What the store holds.
    """
    found = wait_for(array.store, array.store.get(key, default_buffer_prototype()))
    return None if found is None else bytes(found.to_bytes())


def store_bytes(array: ZarrArray, key: str, data: bytes) -> None:
    """Put bytes under a key, all or nothing.

    Parameters
    ----------
    array
        A Zarr array.
    key
        A key in its store.
    data
        What the store is to hold.
    """
    buffer = default_buffer_prototype().buffer.from_bytes(data)
    wait_for(array.store, array.store.set(key, buffer))


def absent_inner_chunks(array: ZarrArray, unit: Index, data: bytes) -> list[Index]:
    """List the chunks that a shard should hold and does not.

    A shard's index has, for every chunk, its offset and its length, 8 bytes each, both all ones
    for a chunk that is absent; it stands at the end or the start of the shard, with or without a
    checksum (Zarr 3 specification, sharding codec).

    Parameters
    ----------
    array
        A Zarr array with shards.
    unit
        Index of one shard.
    data
        The bytes of that shard.

    Returns
    -------
    list of tuple of slice
        One index per absent chunk, in elements of the array. Chunks beyond its edge do not count.

    Raises
    ------
    ValueError
        If the shard is too short to hold its index.
    """
    assert array.shards is not None
    assert array.metadata.zarr_format == 3
    codec = next(c for c in array.metadata.codecs if isinstance(c, ShardingCodec))
    counts = [shard // chunk for shard, chunk in zip(array.shards, array.chunks, strict=True)]
    checksum = 4 if any(isinstance(c, Crc32cCodec) for c in codec.index_codecs) else 0
    length = 16 * prod(counts)
    if len(data) < length + checksum:
        raise ValueError(
            f"the shard has {len(data)} bytes; expected at least {length + checksum}, its index"
        )
    at_end = str(getattr(codec.index_location, "value", codec.index_location)) == "end"
    begin = len(data) - length - checksum if at_end else 0
    table = np.frombuffer(data[begin : begin + length], "<u8").reshape(*counts, 2)
    absent = np.argwhere((table == _ABSENT).all(axis=-1))
    starts = [
        [
            int(part.start + p * chunk)
            for part, p, chunk in zip(unit, position, array.chunks, strict=True)
        ]
        for position in absent
    ]
    return [
        tuple(
            slice(start, min(start + chunk, length))
            for start, chunk, length in zip(begin, array.chunks, array.shape, strict=True)
        )
        for begin in starts
        if all(start < length for start, length in zip(begin, array.shape, strict=True))
    ]


def _all_of(coroutines: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Wait for coroutines of a store, on the thread on which zarr talks to stores."""

    async def wait() -> list[Any]:
        return await asyncio.gather(*coroutines)

    return sync(wait())
