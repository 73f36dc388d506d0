"""Marks the tasks that ask for a number of bytes, and names the usual slips."""

import tempfile
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_helpers import chunking, samples, storage
from data_helpers.checks.marking import Answer, Stub, Wrong, advice_on, mark_numbers
from data_helpers.checks.views import miscounts
from data_helpers.checks.words import kind, short

__all__ = ["mark_bytes_to_read", "mark_prediction", "mark_stored_bytes"]

Sizes = tuple[int, ...]

_ONLY_THE_REGION = (
    "Those are the bytes of the region itself. A chunk is compressed as a whole, so every chunk "
    "that holds a part of the region is read as a whole."
)
_HIDDEN_FILE = (
    "A file is missing whose name begins with a dot. Zarr 2 keeps its metadata in such files; "
    "`glob.glob` skips them, `Path.rglob('*')` does not."
)
_FILES_ONLY = (
    "Directories have a size too, which is the file system's own. Count files only: `is_file()`."
)


def mark_prediction(answer: Answer) -> str:
    """Mark 01.1: the size of the nuclei, predicted."""
    image = np.asarray(samples.load_nuclei_data("numpy"))
    plane = image[0].nbytes
    right = {
        "bytes in memory": image.nbytes,
        "bytes as float64": image.size * 8,
        "planes in 1 MiB": 2**20 // plane,
    }
    given = answer.value
    if not isinstance(given, dict) or set(given) != set(right):
        raise Wrong(
            f"Expected a dict with the keys {', '.join(map(repr, right))}; got {short(given)}.",
            "Keep the keys as they are in the cell and change only the numbers.",
        )
    if all(value is None for value in given.values()):
        raise Stub
    for name, expected in right.items():
        _check_prediction(name, given[name], expected, image)
    return (
        f"{image.nbytes / 1e6:.2f} MB as it is, {image.size * 8 / 1e6:.2f} MB as float64: shape "
        "times item size, nothing else."
    )


def _check_prediction(name: str, given: Any, expected: int, image: npt.NDArray[Any]) -> None:
    """Refuse a wrong number, naming the usual slips."""
    if given is None:
        raise Wrong(f"{name!r} is still `None`.", "The others are done: fill this one in, too.")
    if isinstance(given, bool) or not isinstance(given, (int, float, np.number)):
        raise Wrong(f"{name!r} is {kind(given)}; expected a number.")
    if given == expected:
        return
    in_mega = "That is in MB or MiB; the question is for bytes."
    slips = [
        (image.size, "That is the number of voxels. Each takes more than one byte."),
        (expected * 8, "That is in bits. A byte has 8."),
        (image.size * 4, "A float64 has 64 bits; 4 bytes would be float32."),
        (10**6 // image[0].nbytes, "1 MiB is 2**20 bytes; 10**6 bytes are 1 MB."),
        (2**20 // image[0].size, "Each voxel of a plane takes more than one byte."),
        *((round(expected / 10**6, n), in_mega) for n in (1, 2, 3, 9)),
        *((round(expected / 2**20, n), in_mega) for n in (1, 2, 3, 9)),
    ]
    advice = "Multiply the lengths of the axes, then by the bytes of one voxel."
    raise Wrong(
        f"{name!r} is {short(given)}, which is not right.", advice_on(float(given), slips, advice)
    )


def mark_bytes_to_read(answer: Answer) -> str:
    """Mark 01.3: bytes of the chunks that hold a region."""
    whole = np.s_[0:8, 16:32, 16:32]
    cases: list[tuple[tuple[Any, ...], float]] = []
    regions: list[tuple[tuple[slice, ...], Sizes, np.dtype[Any]]] = [
        (whole, (1, 256, 256), np.dtype("uint16")),
        (whole, (16, 16, 16), np.dtype("uint16")),
        (np.s_[3:9, 20:30], (10, 16), np.dtype("uint8")),  # inside one chunk
        (np.s_[15:17, 60:68], (16, 64), np.dtype("uint16")),  # across borders
        *(_random_region(answer.rng) for _ in range(8)),
    ]
    for region, chunks, dtype in regions:
        touched = chunking.chunks_touched(region, chunks)
        cases.append(((region, chunks, dtype), len(touched) * prod(chunks) * dtype.itemsize))
    count = mark_numbers(answer, cases, _advice_on_bytes_to_read)
    return f"{count} regions in one to three dimensions."


def _random_region(rng: np.random.Generator) -> tuple[tuple[slice, ...], Sizes, np.dtype[Any]]:
    dimensions = int(rng.integers(1, 4))
    starts = rng.integers(0, 40, dimensions)
    region = tuple(
        slice(int(s), int(s + n))
        for s, n in zip(starts, rng.integers(1, 30, dimensions), strict=True)
    )
    chunks = tuple(int(n) for n in rng.integers(3, 20, dimensions))
    return region, chunks, np.dtype(rng.choice(["uint8", "uint16", "float32"]))


def _advice_on_bytes_to_read(
    region: tuple[slice, ...], chunks: Sizes, dtype: np.dtype[Any], found: float
) -> str:
    touched, voxels = len(chunking.chunks_touched(region, chunks)), prod(chunks)
    slips = [
        (prod(part.stop - part.start for part in region) * dtype.itemsize, _ONLY_THE_REGION),
        (touched, "That is the number of chunks. How many bytes has a chunk?"),
        (touched * voxels, "Those are voxels. How many bytes has one? `dtype.itemsize`"),
    ]
    counts = miscounts(region, chunks)
    slips += [(count * voxels * dtype.itemsize, advice) for count, advice in counts]
    return advice_on(found, slips, "Count the chunks along each axis, then multiply.")


def mark_stored_bytes(answer: Answer) -> str:
    """Mark 01.6: bytes of all files under a directory."""
    with tempfile.TemporaryDirectory() as folder:
        stores = [_random_store(Path(folder) / f"{n}.zarr", answer.rng) for n in range(4)]
        right = [storage.stored_bytes(store) for store in stores]
        cases = [((store,), size) for store, size in zip(stores, right, strict=True)]
        mark_numbers(answer, cases, _advice_on_stored_bytes)
    return f"{len(stores)} directories, with files at every depth."


def _random_store(root: Path, rng: np.random.Generator) -> Path:
    """Make a directory like that of a Zarr array: chunks at some depth, and a hidden file."""
    for index in product(range(int(rng.integers(2, 4))), repeat=2):
        file = root / "c" / str(index[0]) / str(index[1])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(int(rng.integers(0, 900))))
    (root / "zarr.json").write_bytes(bytes(int(rng.integers(300, 500))))
    (root / ".zattrs").write_bytes(bytes(int(rng.integers(20, 40))))
    return root


def _advice_on_stored_bytes(path: Path, found: float) -> str:
    files = [file for file in path.rglob("*") if file.is_file()]
    sizes = {file: file.stat().st_size for file in files}
    folders = sum(item.stat().st_size for item in path.rglob("*") if item.is_dir())
    total = sum(sizes.values())
    visible = sum(size for file, size in sizes.items() if not file.name.startswith("."))
    slips = [
        (len(files), "That is the number of files. Add up their sizes."),
        (
            sum(size for file, size in sizes.items() if file.parent == path),
            "Only the files at the top are counted. Chunks lie deeper: go down with `rglob`.",
        ),
        (visible, _HIDDEN_FILE),
        (total + folders, _FILES_ONLY),
        (total + folders + path.stat().st_size, _FILES_ONLY),
        (path.stat().st_size, "That is the size of the directory's own entry, not of its files."),
    ]
    return advice_on(found, slips, "Add up `file.stat().st_size` over all files, at any depth.")
