"""A Zarr store that counts what it is asked for.

Zarr reads an array through a store, with ``get`` for a whole object or for a range of its bytes.
`CountingStore` stands in between and writes down every request, so that the cost of a view is
counted rather than guessed.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import ByteRequest, Store
from zarr.storage import LocalStore, WrapperStore

__all__ = ["CountingStore", "StoreRequest"]

Ranges: TypeAlias = Iterable[tuple[str, ByteRequest | None]]


class StoreRequest(NamedTuple):
    """One request that a store was asked to serve.

    Attributes
    ----------
    key
        Name of the object, for example ``"c/0/1/1"``.
    byte_range
        The range asked for, as text; empty for the whole object.
    nbytes
        Bytes that came back, or were written.
    found
        False when a read found no such object.
    """

    key: str
    byte_range: str
    nbytes: int
    found: bool = True


class CountingStore(WrapperStore[Store]):
    """Count the requests and bytes that pass through to another store.

    Opening an array reads its metadata, which counts too: call `reset` after opening. Requests
    for a missing object count, as they would over a network. Copies of this store that Zarr makes
    itself, such as a read-only view, share one list of requests.

    Parameters
    ----------
    store
        The store to read from and write to; a path is a directory on this computer.

    Attributes
    ----------
    reads, writes
        Every request so far, in the order in which they finished.

    Examples
    --------
    >>> import zarr
    >>> store = CountingStore(zarr.storage.MemoryStore())
    >>> image = zarr.create_array(
    ...     store, shape=(8, 8), chunks=(4, 4), dtype="uint8", compressors=None
    ... )
    >>> image[:] = 1
    >>> store.reset()
    >>> _ = image[0:2, 0:8]
    >>> store.requests, store.bytes_read, sorted(store.keys_read)
    (2, 32, ['c/0/0', 'c/0/1'])
    """

    reads: list[StoreRequest]
    writes: list[StoreRequest]

    def __init__(self, store: Store | str | Path) -> None:
        super().__init__(store if isinstance(store, Store) else LocalStore(store))
        self.reads = []
        self.writes = []

    def _with_store(self, store: Store) -> "CountingStore":
        """Make the copy that Zarr asks for; it goes on with the same lists."""
        copy = type(self)(store)
        copy.reads, copy.writes = self.reads, self.writes
        return copy

    def reset(self) -> None:
        """Forget all requests so far."""
        self.reads.clear()
        self.writes.clear()

    @property
    def requests(self) -> int:
        """Read requests, for whole objects and for ranges."""
        return len(self.reads)

    @property
    def ranged_requests(self) -> int:
        """Read requests for a part of an object."""
        return sum(bool(read.byte_range) for read in self.reads)

    @property
    def bytes_read(self) -> int:
        """Bytes that came back."""
        return sum(read.nbytes for read in self.reads)

    @property
    def bytes_written(self) -> int:
        """Bytes handed over to be written."""
        return sum(write.nbytes for write in self.writes)

    @property
    def keys_read(self) -> Counter[str]:
        """How often each object was read, as a whole or in part."""
        return Counter(read.key for read in self.reads)

    @property
    def keys_written(self) -> Counter[str]:
        """How often each object was written."""
        return Counter(write.key for write in self.writes)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object, or a range of its bytes."""
        value = await self._store.get(key, prototype, byte_range)
        self._note_read(key, byte_range, value)
        return value

    async def set(self, key: str, value: Buffer) -> None:
        """Write an object."""
        await self._store.set(key, value)
        self.writes.append(StoreRequest(key, "", len(value)))

    # The remaining ways in: each is led through the two above, or counts by itself, so that
    # nothing passes uncounted. Which of them exist and which zarr uses differs between versions.

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Ranges
    ) -> list[Buffer | None]:
        """Read several ranges."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def _get_many(
        self, requests: Iterable[tuple[str, BufferPrototype, ByteRequest | None]]
    ) -> AsyncGenerator[tuple[str, Buffer | None], None]:
        """Read several objects."""
        for key, prototype, byte_range in requests:
            yield key, await self.get(key, prototype, byte_range)

    def get_ranges(
        self, key: str, byte_ranges: Sequence[ByteRequest | None], **options: Any
    ) -> AsyncIterator[Sequence[tuple[int, Buffer | None]]]:
        """Read several ranges of one object, neighbours joined; zarr from 3.2 on."""
        base: Any = Store  # joins ranges, then calls our `get` once for each that is left
        given = {name: value for name, value in options.items() if value is not None}
        joined: AsyncIterator[Sequence[tuple[int, Buffer | None]]] = base.get_ranges(
            self, key, byte_ranges, **given
        )
        return joined

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write an object unless there is one."""
        absent = not await self._store.exists(key)
        await self._store.set_if_not_exists(key, value)
        if absent:
            self.writes.append(StoreRequest(key, "", len(value)))

    async def _set_many(self, values: Iterable[tuple[str, Buffer]]) -> None:
        """Write several objects."""
        for key, value in values:
            await self.set(key, value)

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Read without an event loop, where the store can; zarr from 3.2 on."""
        inner: Any = self._store
        value: Buffer | None = inner.get_sync(key, prototype=prototype, byte_range=byte_range)
        self._note_read(key, byte_range, value)
        return value

    def set_sync(self, key: str, value: Buffer) -> None:
        """Write without an event loop, where the store can; zarr from 3.2 on."""
        inner: Any = self._store
        inner.set_sync(key, value)
        self.writes.append(StoreRequest(key, "", len(value)))

    def _note_read(self, key: str, byte_range: ByteRequest | None, value: Buffer | None) -> None:
        """Write down one read; appending to a list is safe from several threads."""
        text = "" if byte_range is None else str(byte_range)
        found = value is not None
        self.reads.append(StoreRequest(key, text, len(value) if value is not None else 0, found))
