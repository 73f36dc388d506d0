"""Marks what reads and writes bytes of a file: the right ones, and no more."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from data_helpers.checks.arrays import expect_array
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.watched import WatchedFile
from data_helpers.checks.words import describe, kind
from data_helpers.grid import chunk_slices

__all__ = ["mark_chunked_format", "mark_read_plane"]

Sizes = tuple[int, ...]


def mark_read_plane(answer: Answer) -> str:
    """Mark 01.2: one plane of a raw file, and only its bytes."""
    dtypes = [">u2", "uint8", "<u2", "float32", ">i4"]
    for dtype in dtypes:
        shape = tuple(int(n) for n in answer.rng.integers(4, 9, 3))
        offset, z = int(answer.rng.integers(9, 99)), int(answer.rng.choice([1, 3]))
        image = answer.rng.integers(0, 250, shape).astype(dtype)
        image[..., 0] += 1  # so that no plane is a constant
        rest = answer.rng.bytes(offset), answer.rng.bytes(50)
        file = WatchedFile(rest[0] + image.tobytes() + rest[1])
        arguments = (offset, shape, np.dtype(dtype), z)
        found = answer(file, *arguments)
        question = describe(answer.name, (file, *arguments))
        _explain_plane(found, image, z, question)
        expect_array(found, image[z].astype(image.dtype.newbyteorder("=")), question)
        if file.bytes_read > image[z].nbytes:
            raise Wrong(
                f"`{question}` reads too much: {file.bytes_read} bytes for a plane of "
                f"{image[z].nbytes}.",
                "The plane is right, but the file may be larger than your memory. Go to its "
                "first byte with `file.seek(...)` and read only its bytes, `file.read(count)`.",
            )
    return f"{len(dtypes)} files, little and big endian: only the plane's bytes were read."


def _explain_plane(found: Any, image: npt.NDArray[Any], z: int, question: str) -> None:
    """Refuse another plane of the image, or one that was cut out at another byte."""
    if not isinstance(found, np.ndarray) or found.shape != image.shape[1:]:
        return
    if np.array_equal(found.byteswap(), image[z]):
        return  # another finding, which `expect_array` explains
    for other in range(len(image)):
        if other != z and np.array_equal(found, image[other]):
            raise Wrong(
                f"`{question}` gave plane {other}; expected plane {z}.",
                "Planes are counted from 0: before plane z lie z planes.",
            )
    if not np.array_equal(found, image[z]) and _begins_elsewhere(found, image, z):
        raise Wrong(
            f"`{question}` has values of the file, but from another place.",
            "`offset` is counted in bytes from the beginning of the file, and so is the size of "
            "the planes before this one: their values, times the bytes of one value.",
        )


def _begins_elsewhere(found: npt.NDArray[Any], image: npt.NDArray[Any], z: int) -> bool:
    """Whether the end or the beginning of what was found occurs in the image."""
    as_stored = found.astype(image.dtype).tobytes()
    half = len(as_stored) // 2
    whole = image.tobytes()
    return as_stored[:half] in whole or as_stored[half:] in whole


def mark_chunked_format(answer: Answer) -> str:
    """Mark 01.7: a file format from which one chunk can be read alone."""
    write, read = _two_functions(answer)
    dtypes = ["uint8", "<u2", "float32", ">i4"]
    for dtype, (shape, chunks) in zip(dtypes, _grids(answer.rng), strict=True):
        image = answer.rng.integers(0, 99, shape).astype(dtype)
        file = WatchedFile()
        write(file, image, chunks)
        content = WatchedFile.getvalue(file)
        question = describe(write.name, (file, image, chunks))
        if not content:
            raise Wrong(f"`{question}` wrote nothing.", "`file.write(bytes)` writes.")
        parts = list(chunk_slices(shape, chunks))
        for part in (*parts[:8], parts[-1]):
            index = tuple(s.start // size for s, size in zip(part, chunks, strict=True))
            _check_own_chunk(read, content, index, image[part], chunks, len(parts), question)
    return f"{len(dtypes)} images came back chunk by chunk, and no chunk cost more than its bytes."


def _grids(rng: np.random.Generator) -> list[tuple[Sizes, Sizes]]:
    """Shapes and chunks in one to three dimensions, most of them ragged."""
    random = [tuple(int(n) for n in rng.integers(20, 40, d)) for d in (2, 3)]
    return [((40, 60), (20, 30)), ((23, 31), (10, 8)), *((s, (12,) * len(s)) for s in random)]


def _two_functions(answer: Answer) -> tuple[Answer, Answer]:
    """Take an answer that is a pair of functions."""
    pair = answer.value
    if not (isinstance(pair, tuple) and len(pair) == 2 and all(map(callable, pair))):
        raise Wrong(
            f"This task asks for two functions; you handed in {kind(pair)}.",
            'Hand them in as a pair: `check("01.7", (write_chunked, read_chunk))`.',
        )
    return answer.part(pair[0]), answer.part(pair[1])


def _check_own_chunk(
    read: Answer,
    content: bytes,
    index: Sizes,
    expected: npt.NDArray[Any],
    chunks: Sizes,
    n_chunks: int,
    written_by: str,
) -> None:
    """Read one chunk back, from a file that knows nothing but its bytes."""
    file = WatchedFile(content)
    found = read(file, index)
    question = describe(read.name, (file, index))
    native = expected.astype(expected.dtype.newbyteorder("="))
    if isinstance(found, np.ndarray) and found.shape == chunks != expected.shape:
        raise Wrong(
            f"After `{written_by}`, `{question}` has shape {found.shape}; expected "
            f"{expected.shape}, the part that lies inside the array.",
            "The last chunk along an axis may be cut short. Store the array's shape as well, or "
            "the shape of each chunk.",
        )
    expect_array(found, native, question)
    # besides the chunk, a header, and a line of text for every chunk
    allowed = expected.dtype.itemsize * prod(chunks) + 512 + 100 * n_chunks
    if file.bytes_read > allowed:
        raise Wrong(
            f"After `{written_by}`, `{question}` reads too much: {file.bytes_read} bytes for a "
            f"chunk of {native.nbytes}.",
            "Store where each chunk begins, in a table at the start or the end of the file: read "
            "the table, then `seek` to the chunk and read only its bytes.",
        )
