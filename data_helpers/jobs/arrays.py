"""What the engine asks of an array: its chunks, its unit of work, and where it lives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import zarr
from zarr.abc.store import Store
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore, MemoryStore, ZipStore

from data_helpers.grid import Chunks, Index, chunk_slices

__all__ = [
    "ReadableArray",
    "WritableArray",
    "ZarrArray",
    "all_chunk_indices",
    "check_same_shape",
    "create_like",
    "unit_of_work",
]

ZarrArray: TypeAlias = zarr.Array[Any]


class ReadableArray(Protocol):
    """Anything with a shape and a dtype that can be sliced: NumPy, Zarr, Dask, HDF5."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> Any:
        """Type of the elements."""

    def __getitem__(self, index: Any, /) -> Any: ...


class WritableArray(ReadableArray, Protocol):
    """A readable array whose regions can be assigned to."""

    def __setitem__(self, index: Any, value: Any, /) -> None: ...


def unit_of_work(array: Any) -> Chunks | None:
    """Say what is written as a whole: the shards of an array where it has them, else its chunks.

    Two writers must never share a unit, since each would read it, change its own part and write
    the whole back, and so undo what the other has done.

    Parameters
    ----------
    array
        Any array.

    Returns
    -------
    sequence or None
        Sizes along each axis, or None for an array without chunks, such as NumPy's.

    Examples
    --------
    >>> unit_of_work(zarr.create_array({}, shape=(8, 8), chunks=(2, 2), shards=(4, 4), dtype="u1"))
    (4, 4)
    """
    unit: Chunks | None = getattr(array, "shards", None) or getattr(array, "chunks", None)
    return unit


def all_chunk_indices(array: Any) -> list[Index]:
    """List the units of work of an array: one index per shard, or per chunk without shards.

    Parameters
    ----------
    array
        Anything with ``shape`` and ``chunks``: Zarr 2 or 3, or Dask, whose chunks may be irregular.

    Returns
    -------
    list of tuple of slice
        One index per unit, the last axis fastest. Together they cover the array exactly once.

    Raises
    ------
    ValueError
        If the array has no chunks.

    Examples
    --------
    >>> array = zarr.create_array({}, shape=(5,), chunks=(3,), dtype="u1")
    >>> all_chunk_indices(array)
    [(slice(0, 3, None),), (slice(3, 5, None),)]
    """
    unit = unit_of_work(array)
    if unit is None:
        raise ValueError(
            f"{type(array).__name__} of shape {tuple(array.shape)} has no chunks; expected an "
            "array with chunks, such as Zarr's or Dask's; chunk_slices(shape, chunks) serves others"
        )
    return list(chunk_slices(array.shape, unit))


def check_same_shape(array_1: Any, array_2: Any) -> None:
    """Refuse two arrays of different shape.

    Parameters
    ----------
    array_1, array_2
        Anything with a ``shape``.

    Raises
    ------
    ValueError
        If the shapes differ, with both.

    Examples
    --------
    >>> check_same_shape(np.zeros((2, 3)), np.ones((2, 3)))
    """
    if tuple(array_1.shape) != tuple(array_2.shape):
        raise ValueError(
            f"the arrays have shapes {tuple(array_1.shape)} and {tuple(array_2.shape)}; "
            "expected the same shape"
        )


def create_like(
    array: Any,
    store: Any = None,
    *,
    shape: Sequence[int] | None = None,
    chunks: Sequence[int] | None = None,
    shards: Sequence[int] | None = None,
    dtype: Any = None,
) -> ZarrArray:
    """Create a Zarr 3 array that shows when something was lost.

    Every chunk is compressed with Zstandard (level 3) and a checksum, so that a flipped bit is an
    error instead of a wrong value. Every chunk is stored, also one that holds only the fill value,
    so that a chunk that is absent is a chunk that is missing. Zarr does not keep that setting, so
    it is noted in the attributes, where `verify` looks for it.

    Parameters
    ----------
    array
        Where the shape, chunks, shards, dtype and names of axes come from.
    store
        A path or a Zarr store. None keeps the array in memory.
    shape, chunks, shards, dtype
        What is to differ from `array`. Other chunks without shards means no shards.

    Returns
    -------
    zarr.Array
        The new array, filled with zeros.

    Raises
    ------
    FileExistsError
        If there is a Zarr array or group, of either format, at `store`; nothing is overwritten.
    ValueError
        If shape and chunks do not fit.

    Examples
    --------
    >>> output = create_like(np.zeros((6, 4), "u2"), chunks=(3, 2), dtype="f4")
    >>> output.shape, output.chunks, str(output.dtype)
    ((6, 4), (3, 2), 'float32')
    """
    new_shape = tuple(array.shape if shape is None else shape)
    if shards is None and chunks is None:
        shards = getattr(array, "shards", None)
    _refuse_to_overwrite(store)
    return zarr.create_array(
        {} if store is None else store,
        shape=new_shape,
        chunks=tuple(chunks) if chunks is not None else _regular_chunks(array),
        shards=None if shards is None else tuple(shards),
        dtype=array.dtype if dtype is None else dtype,
        compressors=ZstdCodec(level=3, checksum=True),
        dimension_names=_axis_names(array, len(new_shape)),
        attributes={"data_helpers": {"write_empty_chunks": True}},
        config={"write_empty_chunks": True},
    )


def _refuse_to_overwrite(store: Any) -> None:
    """Refuse a place that holds an array or group, of whichever Zarr format."""
    if store is None:
        return
    for zarr_format in (2, 3):
        try:
            found = zarr.open(store, mode="r", zarr_format=zarr_format)
        except (FileNotFoundError, ValueError):
            continue
        raise FileExistsError(
            f"there is a Zarr {zarr_format} {type(found).__name__.lower()} at {store}; expected an "
            "empty place: choose another, or delete it yourself"
        )


def _regular_chunks(array: Any) -> Any:
    """One chunk size per axis, the largest where Dask's are irregular, else Zarr's own choice."""
    chunks = getattr(array, "chunks", None)
    if chunks is None:
        return "auto"
    return tuple(size if isinstance(size, int) else max(size) for size in chunks)


def _axis_names(array: Any, dimensions: int) -> Sequence[str | None] | None:
    """Names of the axes: of Zarr 3, of xarray in Zarr 2, or the dims of xarray and tile views."""
    names: Any = getattr(getattr(array, "metadata", None), "dimension_names", None)
    if names is None and isinstance(array, zarr.Array):
        names = array.attrs.get("_ARRAY_DIMENSIONS")
    elif names is None:
        names = getattr(array, "dims", None)
    return names if names is not None and len(names) == dimensions else None


def location(array: Any) -> tuple[str, str] | None:
    """Where a Zarr array or group lives, the same for every way to open it; None for others."""
    if not isinstance(array, zarr.Array | zarr.Group):
        return None
    store = innermost_store(array.store)
    if (root := _root_on_disk(store)) is not None:
        return "file", str((root / array.path).resolve())
    if isinstance(store, MemoryStore):
        return f"memory {id(store._store_dict)}", array.path
    if isinstance(store, ZipStore) and store.path:  # from zarr 3.4 on also made of an open file
        return f"zip {store.path.resolve()}", array.path
    if hasattr(store, "fs"):
        return f"fsspec {_protocol(store)}", f"{getattr(store, 'path', '')}/{array.path}"
    return str(store), array.path


def innermost_store(store: Store) -> Store:
    """Unwrap stores that only watch or count what passes through them."""
    while isinstance(getattr(store, "_store", None), Store):
        store = store._store  # type: ignore[attr-defined]
    return store


def local_directory(array: Any) -> Path | None:
    """Give the directory of an array on a local file system; None for other arrays."""
    place = location(array)
    return Path(place[1]) if place is not None and place[0] == "file" else None


def in_memory(array: Any) -> bool:
    """Tell whether only this process sees what is written to an array."""
    if isinstance(array, np.ndarray):
        return True
    if not isinstance(array, zarr.Array):
        return False
    store = innermost_store(array.store)
    inside = type(getattr(store, "store", None)).__name__  # obstore has a MemoryStore of its own
    return isinstance(store, MemoryStore) or "MemoryStore" in inside or "memory" in _protocol(store)


def _root_on_disk(store: Store) -> Path | None:
    """Directory of a store on a local file system: zarr's, fsspec's or obstore's."""
    if isinstance(store, LocalStore):
        return store.root
    if "file" in _protocol(store):
        return Path(getattr(store, "path", ""))
    inside: Any = getattr(store, "store", None)
    return Path(inside.prefix) if type(inside).__name__ == "LocalStore" else None


def _protocol(store: Store) -> tuple[str, ...]:
    """Names of the protocol that an fsspec store speaks; none for other stores."""
    protocol = getattr(getattr(store, "fs", None), "protocol", ())
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
