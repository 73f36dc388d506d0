"""The limit: what the codec alone takes, with nothing around it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numcodecs.zstd import Zstd
from numpy.typing import NDArray

from benchmarks._case import THREADS
from data_helpers.grid import chunk_slices

__all__ = ["ZSTD", "chunk_files", "chunks_of", "codec_limit"]

ZSTD = Zstd(level=3, checksum=True)  # as `create_like` has it


def codec_limit(
    encoded: Iterable[Path],
    plain: Iterable[NDArray[Any]],
    decode: Callable[[bytes], Any] = ZSTD.decode,
) -> Callable[[], None]:
    """Give a function that decodes every input chunk and encodes every output chunk.

    Inputs are read from their files; what is encoded lies in memory, and is not written. What
    the work itself computes is not in it, nor is any bookkeeping: nothing that reads and writes
    all chunks once with this codec can be faster on as many threads.
    """
    files, chunks = list(encoded), list(plain)

    def run() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            sizes = [pool.submit(lambda file: len(decode(file.read_bytes())), f) for f in files]
            sizes += [pool.submit(lambda chunk: len(ZSTD.encode(chunk)), c) for c in chunks]
            assert all(size.result() for size in sizes)

    return run


def chunk_files(array: zarr.Array[Any]) -> list[Path]:
    """Give the files of all chunks of an array on disk."""
    return sorted(path for path in Path(array.store.root, "c").rglob("*") if path.is_file())


def chunks_of(values: NDArray[Any], chunks: tuple[int, ...]) -> list[NDArray[Any]]:
    """Cut values in memory into contiguous chunks."""
    slices = chunk_slices(values.shape, chunks)
    return [np.ascontiguousarray(values[region]) for region in slices]
