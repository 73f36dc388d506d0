"""One tile: what a reader gives, checked, with errors that name the file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_helpers.grid import Index
from data_helpers.stitching.index import listed

__all__ = ["OpenTile", "Reader", "TileError", "TileSource", "native", "opened"]


class OpenTile(Protocol):
    """What a reader gives: an array, or anything with a shape and dtype that can be sliced."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> Any:
        """Type of the elements."""

    def __getitem__(self, index: Any, /) -> Any: ...


Reader: TypeAlias = Callable[[str], OpenTile]


class TileError(ValueError):
    """A tile is not what it should be.

    Attributes
    ----------
    path : str
        The file; the first one where several were checked together.
    problem : str
        What was found, what was expected and what to do.
    others : tuple of TileError
        The errors of further tiles.
    """

    def __init__(self, path: str, problem: str, others: tuple["TileError", ...] = ()) -> None:
        self.path, self.problem, self.others = path, problem, others
        # All arguments, so that the error survives pickling between processes.
        super().__init__(path, problem, others)

    def __str__(self) -> str:
        lines = [f"{error.path}: {error.problem}" for error in (self, *self.others)]
        if len(lines) == 1:
            return lines[0]
        return f"{len(lines)} tiles are not what they should be:\n{listed(lines)}"


@dataclass(frozen=True)
class TileSource:
    """What every tile of an array must be, and how it is read.

    Attributes
    ----------
    reader : callable
        Takes a path, gives an `OpenTile`.
    dtype : numpy.dtype
        What every tile must be.
    """

    reader: Reader
    dtype: np.dtype[Any]

    def read(self, path: str, shape: tuple[int, ...], region: Index) -> NDArray[Any]:
        """Read a region of one tile, after checking the tile.

        Parameters
        ----------
        path
            The file.
        shape
            What its shape must be.
        region
            One slice per axis of the tile.

        Returns
        -------
        ndarray
            The region.

        Raises
        ------
        TileError
            If the tile cannot be read, or its shape or dtype are not as expected.
        """
        tile = self.open(path)
        self.check(path, tile, shape)
        try:
            block = np.asarray(tile[region])
        except Exception as error:
            raise TileError(
                path,
                f"the pixels cannot be read ({type(error).__name__}: {error}); expected {shape} "
                f"{self.dtype}: the file is damaged, copy it again from its source",
            ) from error
        wanted = tuple(len(range(n)[part]) for part, n in zip(region, shape, strict=True))
        if block.shape != wanted:
            raise TileError(path, f"reading gave shape {block.shape}; expected {wanted}")
        return block.astype(self.dtype, copy=False)

    def open(self, path: str) -> OpenTile:
        """Open one tile: reads the header only, if the reader is so made."""
        return opened(path, self.reader)

    def check(self, path: str, tile: OpenTile, shape: tuple[int, ...]) -> None:
        """Refuse a tile of another shape or dtype."""
        if tuple(tile.shape) == shape and native(tile.dtype) == self.dtype:
            return
        raise TileError(
            path,
            f"found {tuple(tile.shape)} {tile.dtype}, expected {shape} {self.dtype}; if tiles at "
            "the edge are smaller, verify=True allows that; else replace the file or leave it out",
        )


def native(dtype: Any) -> np.dtype[Any]:
    """Give a dtype in this machine's byte order."""
    converted: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
    return converted


def opened(path: str, reader: Reader) -> OpenTile:
    """Open one tile; whatever goes wrong names the file."""
    try:
        return reader(path)
    except TileError:
        raise
    except OSError as error:
        raise TileError(
            path, f"the file cannot be opened ({error.strerror or error}); expected a readable tile"
        ) from error
    except Exception as error:
        raise TileError(
            path, f"the reader failed ({type(error).__name__}: {error}); expected a tile"
        ) from error
