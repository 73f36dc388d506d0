"""Codecs compared on the reader's own data: how small, how fast, how faithful."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import zarr
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec, Codec

from data_helpers.storage.files import stored_bytes

__all__ = ["compare_codecs"]


def compare_codecs(
    array: npt.NDArray[Any] | zarr.Array[Any],
    codecs: Mapping[str, Sequence[Codec]],
    *,
    chunks: tuple[int, ...] | None = None,
    repeats: int = 3,
) -> pd.DataFrame:
    """Store an array with each codec and measure what comes back.

    Every chunk is really encoded and decoded by Zarr, in memory, so that no disk is timed.
    Chunks that hold only the fill value are written too.

    Parameters
    ----------
    array
        NumPy or Zarr array of any shape, of integers, floats or booleans.
    codecs
        Name -> the codecs to apply, in order, as objects of `zarr.codecs`
        (or `zarr.codecs.numcodecs`). An empty list stores the bytes as they are.
    chunks
        Shape of a chunk; by default that of a Zarr array, else at most 64 along each axis.
    repeats
        How often each codec writes and reads; the fastest time counts, since other work
        on the machine can only slow it down.

    Returns
    -------
    pandas.DataFrame
        One row per name, and the columns ``ratio`` (bytes of the array in memory over bytes
        stored, metadata included), ``write_MB_per_s`` and ``read_MB_per_s`` (10⁶
        bytes in memory a second), ``lossless`` (every bit came back), ``max_error`` (largest
        absolute difference, in the array's own units, computed in float64).

    Raises
    ------
    ValueError
        No codecs, an empty array, or fewer than one repeat.
    TypeError
        A codec is not one of Zarr's.

    Examples
    --------
    >>> import numpy as np
    >>> from zarr.codecs import ZstdCodec
    >>> stripes = np.tile(np.arange(64, dtype="uint16"), (64, 1))
    >>> table = compare_codecs(stripes, {"none": [], "zstd": [ZstdCodec()]}, repeats=1)
    >>> table["lossless"].tolist(), table["max_error"].tolist()
    ([True, True], [0.0, 0.0])
    >>> bool(table.ratio["zstd"] > table.ratio["none"])
    True
    """
    original = np.asarray(array[:] if isinstance(array, zarr.Array) else array)
    if chunks is None:
        chunks = array.chunks if isinstance(array, zarr.Array) else _default_chunks(original)
    if not codecs or repeats < 1 or original.size == 0:
        raise ValueError(
            f"got {len(codecs)} codecs, {repeats} repeats and an array of shape {original.shape}: "
            "expected at least one of each, and an array that is not empty"
        )
    pipelines = {name: _pipeline(name, steps) for name, steps in codecs.items()}
    rows = [_measure(original, chunks, steps, repeats) for steps in pipelines.values()]
    return pd.DataFrame(rows, index=pd.Index(pipelines, name="codec"))


def _default_chunks(array: npt.NDArray[Any]) -> tuple[int, ...]:
    return tuple(min(64, length) for length in array.shape)


def _pipeline(name: str, steps: Sequence[Codec]) -> dict[str, Any]:
    """Sort codecs into the three places `zarr.create_array` has for them."""
    for step in steps:
        if not isinstance(step, ArrayArrayCodec | ArrayBytesCodec | BytesBytesCodec):
            raise TypeError(
                f"{name!r} has {step!r}: expected a codec of zarr.codecs; those of numcodecs "
                "are wrapped for Zarr in zarr.codecs.numcodecs"
            )
    serializers = [step for step in steps if isinstance(step, ArrayBytesCodec)]
    return {
        "filters": [step for step in steps if isinstance(step, ArrayArrayCodec)] or None,
        "serializer": serializers[0] if serializers else "auto",
        "compressors": [step for step in steps if isinstance(step, BytesBytesCodec)] or None,
    }


def _measure(
    original: npt.NDArray[Any], chunks: tuple[int, ...], pipeline: dict[str, Any], repeats: int
) -> dict[str, float | bool]:
    stored = zarr.create_array(
        zarr.storage.MemoryStore(),
        shape=original.shape,
        chunks=chunks,
        dtype=original.dtype,
        # A chunk equal to the fill value would otherwise not be encoded at all.
        config={"write_empty_chunks": True},
        **pipeline,
    )
    write = _fastest(lambda: stored.__setitem__(..., original), repeats)
    read = _fastest(lambda: stored[...], repeats)
    decoded = np.asarray(stored[...])
    return {
        "ratio": original.nbytes / stored_bytes(stored),
        "write_MB_per_s": original.nbytes / 1e6 / write,
        "read_MB_per_s": original.nbytes / 1e6 / read,
        "lossless": original.tobytes() == decoded.tobytes(),
        "max_error": _max_error(original, decoded),
    }


def _fastest(action: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = perf_counter()
        action()
        times.append(perf_counter() - start)
    return min(times)


def _max_error(original: npt.NDArray[Any], decoded: npt.NDArray[Any]) -> float:
    before, after = original.astype(np.float64), decoded.astype(np.float64)
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    # Where both are the same infinity their difference would be NaN.
    return float(np.abs(np.subtract(before, after, where=~same, out=np.zeros_like(before))).max())
