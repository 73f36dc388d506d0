"""Marks what is done with the files of tiles: read when asked for, checked, written bit by bit."""

import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
import zarr

from data_helpers.checks.arrays import expect_array
from data_helpers.checks.marking import Answer, LearnerError, Wrong
from data_helpers.checks.words import describe, kind, short

__all__ = ["WatchedReader", "mark_lazy_stack", "mark_stack_to_zarr"]

Array = npt.NDArray[Any]

_READ_LATER = (
    "Shape and dtype are arguments, so no file need be opened yet. `dask.delayed(read)(path)` "
    "notes a call down for later; `dask.delayed(read(path))` reads now."
)
_CHECK_TILE = (
    "Read with a function of your own that looks at what came: `if tile.shape != shape or "
    "tile.dtype != dtype: raise ValueError(...)`, with the path in the message, and what was "
    "found and expected."
)
_MAY_HOLD = 8  # tiles in memory at once; zarr takes a few copies of what it writes


class WatchedReader:
    """Reads tiles from memory and takes note of which.

    Parameters
    ----------
    tiles
        Path to the pixels of the tile.

    Examples
    --------
    >>> read = WatchedReader({"t0.tif": np.zeros((2, 3))})
    >>> read("t0.tif").shape, read.calls
    ((2, 3), ['t0.tif'])
    """

    __name__ = "read"

    def __init__(self, tiles: dict[str, Array]) -> None:
        self.tiles = tiles
        self.calls: list[str] = []

    def __repr__(self) -> str:
        """Be called what it is called in a signature."""
        return "read"

    def __call__(self, path: str) -> Array:
        """Read a tile."""
        if path not in self.tiles:
            raise FileNotFoundError(f"there is no file {path!r}")
        self.calls.append(path)
        return self.tiles[path].copy()


def _tiles(
    rng: np.random.Generator, count: int, shape: tuple[int, ...], dtype: str
) -> WatchedReader:
    """Make files with random pixels, one per time."""
    times = np.sort(rng.choice(1000, count, replace=False))
    return WatchedReader(
        {f"cells_t{t:03}.tif": rng.integers(1, 250, shape).astype(dtype) for t in times}
    )


def mark_lazy_stack(answer: Answer) -> str:
    """Mark 02.4: one lazy array, one tile per chunk, and no tile that is not what it should be."""
    cases = [((6, 8), "uint16"), ((5, 4), "uint8"), ((3, 4, 6), "float32")]
    for shape, dtype in cases:
        read = _tiles(answer.rng, int(answer.rng.integers(4, 9)), shape, dtype)
        arguments = (list(read.tiles), read, shape, np.dtype(dtype))
        question = describe(answer.name, arguments)
        array = answer(*arguments)
        _check_lazy(array, read, question)
        _check_declared(array, read, shape, dtype, question)
        _check_blocks(answer, array, read, question)
    for spoil in (_cut_short, _made_longer, _as_float):
        _check_complaint(answer, spoil)
    return (
        f"{len(cases)} folders: nothing is read before it is asked for, then only what is asked "
        "for, and a tile with another shape or dtype is reported by its name."
    )


def _check_lazy(array: Any, read: WatchedReader, question: str) -> None:
    """Refuse what is no Dask array, or was read while it was built."""
    if isinstance(array, np.ndarray):
        raise Wrong(
            f"`{question}` gave {kind(array)}, and has read {len(read.calls)} files.",
            "That array is in memory already, which fails where the files are larger than it. "
            + _READ_LATER,
        )
    if not isinstance(array, da.Array):
        what = "a list" if isinstance(array, list) else kind(array)
        ending = "Does your function end with `return ...`? " if array is None else ""
        raise Wrong(
            f"`{question}` gave {what}; expected a Dask array.",
            ending + "`da.from_delayed` makes a lazy array of one delayed call, `da.stack` one "
            "array of a list of these.",
        )
    if read.calls:
        raise Wrong(
            f"`{question}` read {len(read.calls)} of {len(read.tiles)} files before anything was "
            "asked for.",
            _READ_LATER,
        )


def _check_declared(
    array: da.Array, read: WatchedReader, shape: tuple[int, ...], dtype: str, question: str
) -> None:
    """Refuse an array whose shape, dtype or chunks are not those of the tiles."""
    expected = (len(read.tiles), *shape)
    if array.shape != expected:
        end_to_end = array.ndim == len(shape)
        raise Wrong(
            f"`{question}` has shape {array.shape}; expected {expected}.",
            "These tiles lie end to end. Times need an axis of their own: `da.stack` makes one, "
            "`da.concatenate` does not."
            if end_to_end
            else "The new axis comes first: `da.stack(tiles, axis=0)`.",
        )
    if array.dtype != dtype:
        raise Wrong(
            f"`{question}` says dtype {array.dtype}; expected {dtype}.",
            "Dask believes what it is told: `da.from_delayed(..., shape=shape, dtype=dtype)`.",
        )
    if array.numblocks != (len(read.tiles),) + (1,) * len(shape):
        raise Wrong(
            f"`{question}` has chunks of {array.chunksize}; expected one file per chunk.",
            "Make one lazy array of each file, then stack them.",
        )


def _computed(answer: Answer, array: da.Array, question: str) -> Any:
    """Compute an answer's array, as a call of the answer."""
    compute = answer.part(lambda: array.compute(scheduler="synchronous"))  # type: ignore[no-untyped-call]
    compute.name = f"{question}.compute"
    return compute()


def _check_blocks(answer: Answer, array: da.Array, read: WatchedReader, question: str) -> None:
    """See that each tile is in its place, and that one tile costs one file."""
    paths = list(read.tiles)
    expected = np.stack(list(read.tiles.values()))
    found = _computed(answer, array, question)
    if isinstance(found, np.ndarray) and found.shape == expected.shape:
        _explain_repeated(found, expected, paths, question)
    expect_array(
        found,
        expected,
        f"{question}.compute()",
        chunks=(1, *expected.shape[1:]),
        advice={"moved": "The tiles come in the order of `paths`."},
    )
    read.calls.clear()
    middle = len(paths) // 2
    _computed(answer, array[middle], f"{question}[{middle}]")
    if read.calls != [paths[middle]]:
        raise Wrong(
            f"`{question}[{middle}].compute()` read {len(read.calls)} files: "
            f"{short(read.calls)}; expected only `{paths[middle]}`.",
            "Each file is a task of its own, and is read once in it.",
        )


def _explain_repeated(found: Array, expected: Array, paths: list[str], question: str) -> None:
    """Refuse an array that holds one and the same tile everywhere."""
    for tile, path in zip(expected, paths, strict=True):
        if all(np.array_equal(block, tile) for block in found):
            raise Wrong(
                f"`{question}.compute()` holds `{path}` in every place.",
                "A function made in a loop sees the loop variable as it is when it is called: "
                "after the loop, that is the last path. Pass the path on as an argument: "
                "`dask.delayed(function)(path)`.",
            )


def _cut_short(tile: Array) -> Array:
    return tile[:-2]


def _made_longer(tile: Array) -> Array:
    return np.concatenate([tile, tile[:1]])


def _as_float(tile: Array) -> Array:
    return tile.astype("float32")


def _check_complaint(answer: Answer, spoil: Callable[[Array], Array]) -> None:
    """See that a tile that is not what it should be is reported, with its name."""
    read = _tiles(answer.rng, 5, (6, 8), "uint16")
    paths = list(read.tiles)
    place = int(answer.rng.integers(1, 4))
    path = paths[place]
    read.tiles[path] = spoil(read.tiles[path])
    bad = f"`{path}` holds {kind(read.tiles[path])}, and the others (6, 8) uint16"
    arguments = (paths, read, (6, 8), np.dtype("uint16"))
    array = answer(*arguments)
    question = f"{describe(answer.name, arguments)}[{place}]"
    try:
        found = _computed(answer, array[place], question)
    except LearnerError as wrapped:
        _check_error(wrapped.error, path, bad, question)
        return
    raise Wrong(
        f"{bad}. `{question}.compute()` did not complain: it gave {kind(found)}, where "
        f"{array.shape[1:]} {array.dtype} was declared.",
        _CHECK_TILE,
    )


def _check_error(error: BaseException, path: str, bad: str, question: str) -> None:
    """Refuse an error that does not tell which file is to blame."""
    said = f"{type(error).__name__}: {short(str(error))}"
    if path not in str(error):
        raise Wrong(
            f"{bad}. `{question}.compute()` raised {said}, which does not name the file.",
            "Of a thousand files, which one? " + _CHECK_TILE,
        )
    if not isinstance(error, ValueError):
        raise Wrong(
            f"{bad}. `{question}.compute()` raised {said}; expected a ValueError.",
            "The file is right here: `raise ValueError(...)` with the same message. An `assert` "
            "is left out when Python runs with `-O`.",
        )


def mark_stack_to_zarr(answer: Answer) -> str:
    """Mark 02.5: tiles in a Zarr array, a few of them in memory at a time."""
    cases = [(5, (32, 48), "uint16"), (16, (256, 256), "uint16"), (4, (6, 8, 10), "float32")]
    with tempfile.TemporaryDirectory() as folder:
        zarr.create_array(
            Path(folder) / "warm.zarr", data=np.zeros((2, 2))
        )  # imports of zarr's own
        for number, (count, shape, dtype) in enumerate(cases):
            read = _tiles(answer.rng, count, shape, dtype)
            store = Path(folder) / f"cells{number}.zarr"
            arguments = (list(read.tiles), read, store)
            question = describe(answer.name, arguments)
            held = _peak(answer, arguments)
            _check_stored(store, read, question)
            _check_frugal(read, held, question)
    return (
        f"{len(cases)} folders: every tile is in its place in whole chunks, and at no time were "
        "more than a few in memory."
    )


def _peak(answer: Answer, arguments: tuple[Any, ...]) -> int:
    """Call an answer and give the most memory it held, in bytes."""
    tracemalloc.start()
    try:
        answer(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _stored_array(store: Path, question: str) -> Any:
    """Open the array at a path, or say what there is instead."""
    makes = "`zarr.create_array(store, shape=..., chunks=..., dtype=...)` makes one"
    try:
        found = zarr.open(store, mode="r")
    except FileNotFoundError:
        raise Wrong(
            f"After `{question}` there is no Zarr array at {store.name}.",
            f"{makes}; then assign to slices of it.",
        ) from None
    if not isinstance(found, zarr.Array):
        inside = f" with {short(sorted(found))} in it" if sorted(found) else ""
        raise Wrong(
            f"After `{question}` there is a Zarr group at {store.name}{inside}.",
            f"A group is a folder of arrays. Here the array itself lies at `store`: {makes}.",
        )
    return found


def _check_stored(store: Path, read: WatchedReader, question: str) -> None:
    """Refuse a store without an array, or with another one."""
    array = _stored_array(store, question)
    tiles = list(read.tiles.values())
    expected = np.stack(tiles)
    about = f"After `{question}` the array"
    if array.shape != expected.shape:
        raise Wrong(
            f"{about} has shape {array.shape}; expected {expected.shape}.",
            "The times are the first axis: the number of paths, then the shape of a tile.",
        )
    if array.dtype != expected.dtype:
        raise Wrong(
            f"{about} has dtype {array.dtype}; expected {expected.dtype}.",
            "Pass `dtype=` of a tile. Another dtype takes more room, or cannot hold the values.",
        )
    written = array.shards or array.chunks
    if written[0] != 1:
        raise Wrong(
            f"{about} is cut into pieces of {written}, each with {written[0]} tiles in it.",
            "Whoever writes one tile then reads, changes and writes a piece with others in it, "
            "over and over. Let no chunk reach beyond a tile: `chunks=(1, *tile.shape)`.",
        )
    expect_array(
        array[...],
        expected,
        question,
        chunks=(1, *expected.shape[1:]),
        advice={
            "empty": "Some tiles were never written. Go through all paths: "
            "`for number, path in enumerate(paths)`, the last one too.",
            "moved": "Each tile goes where its path stands in `paths`.",
        },
    )


def _check_frugal(read: WatchedReader, held: int, question: str) -> None:
    """Refuse an answer that held many tiles at once, or read them again and again."""
    tile = next(iter(read.tiles.values())).nbytes
    allowed = _MAY_HOLD * tile + 2**19  # and zarr's own objects
    if held > allowed:
        raise Wrong(
            f"`{question}` is right, but held {held / tile:.0f} tiles' worth of memory at its "
            f"peak, of {len(read.tiles)} tiles in all.",
            f"The files may be larger than your memory, so {_MAY_HOLD} tiles must do. Read one, "
            "write it, and forget it before the next. Threads hold some each: if Dask writes, "
            "`dask.config.set(num_workers=2)` limits them.",
        )
    most = max(map(read.calls.count, read.calls))
    if most > 2:
        raise Wrong(
            f"`{question}` is right, but read the same file {most} times.",
            "Read a tile into a variable once, and use that.",
        )
