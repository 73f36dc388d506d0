"""Files on disk: which there are, how large they are, and a picture of the folder."""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import zarr
from zarr.core.sync import sync

__all__ = ["directory_tree", "get_directory_contents", "stored_bytes"]


def get_directory_contents(path: str | PathLike[str]) -> list[str]:
    """List every file under a directory, at any depth, hidden files too.

    Parameters
    ----------
    path
        A directory, such as a Zarr array on disk.

    Returns
    -------
    list of str
        Paths relative to `path`, with ``/`` between the parts on every platform, sorted.
        Directories are not listed, since an object store has none.

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    NotADirectoryError
        `path` is a file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "c").mkdir()
    >>> _ = (folder / "zarr.json").write_text("{}"), (folder / "c" / "0").write_bytes(b"abc")
    >>> get_directory_contents(folder)
    ['c/0', 'zarr.json']
    """
    root = _directory(path)
    return sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())


def directory_tree(path: str | PathLike[str], *, max_entries: int = 6) -> str:
    """Draw a directory as a tree of text, with the size of everything in it.

    Parameters
    ----------
    path
        A directory.
    max_entries
        How many entries of one directory are shown; the rest is summed in one line.
        Directories come first, and numbers are sorted as numbers (2 before 10).

    Returns
    -------
    str
        One line per entry. Sizes are decimal: 1 kB is 1000 bytes.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        As `get_directory_contents`.
    ValueError
        `max_entries` is below 1.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp()) / "image.zarr"
    >>> (folder / "c").mkdir(parents=True)
    >>> for name in ["c/0", "c/1", "c/10", "c/2"]:
    ...     _ = (folder / name).write_bytes(bytes(1500))
    >>> _ = (folder / "zarr.json").write_text("{}")
    >>> print(directory_tree(folder, max_entries=2))
    image.zarr/  6.0 kB
    ├── c/  6.0 kB
    │   ├── 0  1.5 kB
    │   ├── 1  1.5 kB
    │   └── ... 2 more, 3.0 kB
    └── zarr.json  2 B
    """
    if max_entries < 1:
        raise ValueError(f"max_entries is {max_entries}: expected 1 or more")
    root = _directory(path)
    return "\n".join([_label(root), *_branches(root, max_entries)])


def stored_bytes(path_or_array: str | PathLike[str] | zarr.Array[Any] | zarr.Group) -> int:
    """Count the bytes that something takes in storage, metadata included.

    Parameters
    ----------
    path_or_array
        A file (a TIFF, a zip, an HDF5 file), a directory, or a Zarr array or group in any
        store that can list its keys: memory, directory, zip, object storage.

    Returns
    -------
    int
        The sum of the sizes of its files or objects, in bytes. What a file system adds for
        its own use (a half-filled block at the end of each file) is not counted.

    Raises
    ------
    FileNotFoundError
        There is nothing at the path.
    TypeError
        It is neither a path nor a Zarr array or group.
    ValueError
        The store cannot list its keys, as plain HTTP, so nothing can be counted.

    Examples
    --------
    Sixteen values of two bytes, not compressed, and a JSON file that describes them:

    >>> import zarr
    >>> store = zarr.storage.MemoryStore()
    >>> array = zarr.create_array(
    ...     store, shape=(4, 4), chunks=(2, 2), dtype="uint16", compressors=None
    ... )
    >>> array[:] = 7
    >>> metadata = len(store._store_dict["zarr.json"])
    >>> stored_bytes(array) - metadata
    32
    """
    if isinstance(path_or_array, zarr.Array | zarr.Group):
        return _node_bytes(path_or_array)
    if not isinstance(path_or_array, str | PathLike):
        raise TypeError(
            f"got {type(path_or_array).__name__}: expected a path or a Zarr array or group; "
            "for an array in memory, use its nbytes"
        )
    path = Path(path_or_array)
    if path.is_file():
        return path.stat().st_size
    return _size(_directory(path))


def _node_bytes(node: zarr.Array[Any] | zarr.Group) -> int:
    # The slash at the end matters: without it "image" would also count its sibling "image2".
    prefix = f"{node.path}/" if node.path else ""
    total = sync(node.store_path.store.getsize_prefix(prefix))
    if total == 0:  # there is always metadata, so the store has not told us
        raise ValueError(
            f"{node.store_path} lists no keys: expected at least the metadata of {node!r}; "
            "this kind of store cannot list, so count in a store that can"
        )
    return total


def _directory(path: str | PathLike[str]) -> Path:
    directory = Path(path)
    if not directory.exists():
        raise FileNotFoundError(f"there is nothing at {directory}: expected a directory")
    if not directory.is_dir():
        raise NotADirectoryError(f"{directory} is a file: expected a directory")
    return directory


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum((path / name).stat().st_size for name in get_directory_contents(path))


def _branches(directory: Path, max_entries: int) -> Iterator[str]:
    entries = sorted(directory.iterdir(), key=_tree_order)
    shown, rest = entries[:max_entries], entries[max_entries:]
    for entry in shown:
        last = entry is shown[-1] and not rest
        yield f"{'└' if last else '├'}── {_label(entry)}"
        if entry.is_dir():
            stem = "    " if last else "│   "
            yield from (stem + line for line in _branches(entry, max_entries))
    if rest:
        yield f"└── ... {len(rest)} more, {_readable(sum(map(_size, rest)))}"


def _tree_order(path: Path) -> tuple[bool, bool, int, str]:
    numbered = path.name.isdecimal()
    return path.is_file(), not numbered, int(path.name) if numbered else 0, path.name


def _label(path: Path) -> str:
    return f"{path.name}{'/' if path.is_dir() else ''}  {_readable(_size(path))}"


def _readable(nbytes: int) -> str:
    size, unit = float(nbytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if round(size, 1) < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
