"""Copy chunks as they are stored, where encoding them again would give the same."""

from typing import Any

import zarr

from data_helpers.grid import Index
from data_helpers.jobs.arrays import ZarrArray
from data_helpers.jobs.stored import absent_inner_chunks, chunk_key, store_bytes, stored_bytes

__all__ = ["copy_encoded", "same_encoding"]


def same_encoding(source: Any, output: ZarrArray) -> bool:
    """Tell whether the stored chunks of two arrays are interchangeable.

    Parameters
    ----------
    source
        Any array.
    output
        A Zarr array.

    Returns
    -------
    bool
        True for a Zarr array of the same format, shape, dtype (with its byte order), chunks,
        shards and codecs.

    Examples
    --------
    >>> source = zarr.create_array({}, shape=(8,), chunks=(4,), dtype="u2")
    >>> same = zarr.create_array({}, shape=(8,), chunks=(4,), dtype="u2")
    >>> other = zarr.create_array({}, shape=(8,), chunks=(2,), dtype="u2")
    >>> same_encoding(source, same), same_encoding(source, other)
    (True, False)
    """
    return isinstance(source, zarr.Array) and _encoding(source) == _encoding(output)


def _encoding(array: ZarrArray) -> tuple[Any, ...]:
    layout = (array.shape, array.dtype, array.chunks, array.shards)
    if array.metadata.zarr_format == 2:
        return (2, *layout, array.metadata.compressor, array.metadata.filters, array.metadata.order)
    return (3, *layout, array.metadata.codecs)


def copy_encoded(source: ZarrArray, output: ZarrArray, unit: Index) -> bool:
    """Copy a shard or chunk as it is stored.

    Parameters
    ----------
    source, output
        Two arrays with the same encoding.
    unit
        Index of a unit of work.

    Returns
    -------
    bool
        False if the source does not store it, or not all of a shard: nothing was written then.

    Examples
    --------
    >>> source = zarr.create_array({}, shape=(8,), chunks=(4,), dtype="u2")
    >>> source[:4] = 5
    >>> output = zarr.create_array({}, shape=(8,), chunks=(4,), dtype="u2")
    >>> copy_encoded(source, output, (slice(0, 4),)), copy_encoded(source, output, (slice(4, 8),))
    (True, False)
    >>> output[:]
    array([5, 5, 5, 5, 0, 0, 0, 0], dtype=uint16)
    """
    data = stored_bytes(source, chunk_key(source, unit))
    if data is None or (source.shards is not None and absent_inner_chunks(source, unit, data)):
        return False
    store_bytes(output, chunk_key(output, unit), data)
    return True
