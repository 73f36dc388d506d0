"""Things handed to answers that take note of what is done with them."""

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data_helpers import grid

__all__ = ["WatchedArray", "WatchedFile"]


class WatchedFile(io.BytesIO):
    """A binary file in memory that counts the bytes read from it.

    Examples
    --------
    >>> file = WatchedFile(bytes(100))
    >>> _ = file.seek(10), file.read(5)
    >>> file.bytes_read
    5
    """

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(content)
        self.bytes_read = 0

    def __repr__(self) -> str:
        """Be called what it is called in a signature."""
        return "file"

    def read(self, size: int | None = -1, /) -> bytes:
        """Read and count."""
        return self._counted(super().read(size))

    def read1(self, size: int | None = -1, /) -> bytes:
        """Read and count."""
        return self._counted(super().read1(size))

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read and count."""
        return self._counted(super().readline(size))

    def readinto(self, buffer: Any, /) -> int:
        """Read into a buffer and count."""
        count = super().readinto(buffer)
        self.bytes_read += count
        return count

    def getvalue(self) -> bytes:
        """Give everything and count it."""
        return self._counted(super().getvalue())

    def _counted(self, content: bytes) -> bytes:
        self.bytes_read += len(content)
        return content


class WatchedArray:
    """An array that takes note of the regions read from it and written to it.

    Only what chunked code needs works: `shape`, `dtype`, `ndim`, `chunks`, and slices.

    Parameters
    ----------
    values
        The array behind it.
    chunks
        Size of a chunk along each axis.

    Examples
    --------
    >>> image = WatchedArray(np.zeros((8, 8)), (4, 4))
    >>> image[:2, :].shape, image.read, image.largest_read
    ((2, 8), 16, 16)
    >>> image.decoded, image.is_whole_chunks(np.s_[:2, :])
    (32, False)
    """

    def __init__(self, values: npt.NDArray[Any], chunks: Sequence[int]) -> None:
        self.values = values
        self.chunks = tuple(chunks)
        self.reads: list[Any] = []
        self.writes: list[Any] = []
        self.read = self.largest_read = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the array."""
        return self.values.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self.values.nbytes

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.values.ndim

    @property
    def decoded(self) -> int:
        """Voxels of all chunks that the reads touched, each time anew."""
        decoded = 0
        for index in self.reads:
            spans = zip(self._bounds(index), self.chunks, self.shape, strict=True)
            decoded += math.prod(
                min(-(-stop // size) * size, length) - start // size * size
                for (start, stop), size, length in spans
            )
        return decoded

    def is_whole_chunks(self, index: Any) -> bool:
        """Whether an index covers whole chunks."""
        inside = tuple(slice(*bounds) for bounds in self._bounds(index))
        return grid.aligned(inside, self.chunks, self.shape)

    def _bounds(self, index: Any) -> list[tuple[int, int]]:
        """Where the box around an index starts and stops, along each axis."""
        parts = list(index) if isinstance(index, tuple) else [index]
        if any(part is Ellipsis for part in parts):
            at = next(n for n, part in enumerate(parts) if part is Ellipsis)
            parts[at : at + 1] = [slice(None)] * (self.ndim - len(parts) + 1)
        parts += [slice(None)] * (self.ndim - len(parts))
        bounds = []
        for part, length in zip(parts, self.shape, strict=True):
            picked = np.arange(length)[part]
            bounds.append((int(picked.min()), int(picked.max()) + 1) if picked.size else (0, 0))
        return bounds

    def __repr__(self) -> str:
        """Say what it is in a few words."""
        return f"<{self.dtype} array of shape {self.shape} in chunks of {self.chunks}>"

    def __deepcopy__(self, memo: Any) -> "WatchedArray":
        """Stay the one that is watched, also inside a list whose copy is handed over."""
        return self

    def __getitem__(self, index: Any) -> Any:
        """Read a region."""
        part = self.values[index].copy()
        self.read += part.size
        self.largest_read = max(self.largest_read, part.size)
        self.reads.append(index)
        return part

    def __setitem__(self, index: Any, values: Any) -> None:
        """Write a region."""
        self.values[index] = values
        self.writes.append(index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Read everything, as `numpy.asarray` does."""
        return np.asarray(self[...], dtype=dtype)
