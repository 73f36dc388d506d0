"""Where an image goes: what is there already, the mark of an unfinished write, and clearing up.

While an image is being written, its group bears a mark and no image metadata, so that no reader
takes it for an image. The metadata replaces the mark in one step when every chunk is stored.
"""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import zarr
from zarr.core.sync import sync
from zarr.storage import MemoryStore, StorePath, ZipStore

from data_helpers.jobs.arrays import innermost_store, location

__all__ = ["IncompleteImageError", "Target", "below", "is_incomplete", "open_group"]
__all__ += ["remove_incomplete"]

_MARK = {"data_helpers": {"incomplete": "an image is being written, or its writer was stopped"}}
_ZARR_FILES = ("zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata")


class IncompleteImageError(RuntimeError):
    """An image that was not written to its end: its writer was stopped, or is still at work."""


class Target:
    """The place an image is written to.

    Parameters
    ----------
    store
        A path, a Zarr store, or a group's place in one.
    zarr_format
        2 or 3.

    Raises
    ------
    TypeError
        If it is a zip file.
    """

    def __init__(self, store: Any, zarr_format: Any) -> None:
        if isinstance(store, ZipStore):
            raise TypeError(
                "the store is a zip file, where nothing can be replaced, not even the mark of an "
                "unfinished write; expected a directory: write there, then zip it, uncompressed"
            )
        self.store, self.zarr_format = store, zarr_format
        self._found = _node_at(store)

    def check(self, *, overwrite: bool, resume: bool, source: Any) -> bool:
        """Say whether an earlier run is continued; refuse what must not be overwritten.

        Parameters
        ----------
        overwrite
            Whether a Zarr group or array may be replaced.
        resume
            Whether there is a manifest of an earlier run.
        source
            What will be read: it must not be replaced.

        Returns
        -------
        bool
            Whether to continue.

        Raises
        ------
        FileExistsError
            If there is something that may not be overwritten.
        ValueError
            If the source lies in the target.
        """
        self._refuse_own_source(source)
        if self._found is None or overwrite:
            _refuse_foreign(self.store, _ZARR_FILES if self._found is not None else ())
            return False
        if resume:
            return True
        what, cure = "a Zarr hierarchy", "choose another place, or say overwrite=True to replace it"
        if is_incomplete(self._found.attrs):
            what = "an image whose writer was stopped"
            cure = "give the manifest of that run to go on, or say overwrite=True to write it anew"
        raise FileExistsError(f"there is {what} at {self.store}; expected an empty place: {cure}")

    def begin(self) -> None:
        """Make the group, with the mark of an unfinished write, in place of what was there."""
        if self._found is not None:
            _delete(self.store)
        zarr.create_group(self.store, zarr_format=self.zarr_format, attributes=_MARK)

    def finish(self, attributes: dict[str, Any]) -> None:
        """Put the metadata of the image in the place of the mark."""
        group = zarr.open_group(self.store, mode="r+", zarr_format=self.zarr_format)
        group.attrs.put(attributes)

    def remove(self) -> None:
        """Take back what this run has made."""
        _delete(self.store)

    def _refuse_own_source(self, source: Any) -> None:
        place, mine = location(source), _location(self._found)
        if place is None or mine is None or place[0] != mine[0]:
            return
        if (place[1] + "/").startswith(mine[1].rstrip("/") + "/" if mine[1] else ""):
            raise ValueError(
                f"the source lies in the target {self.store}, which would be replaced before it is "
                "read; expected another place: write there, then move it"
            )


def open_group(store: Any, mode: Any = "r") -> zarr.Group:
    """Open a group of either Zarr format.

    Parameters
    ----------
    store
        A path, a Zarr store, or a group's place in one.
    mode
        "r" to read, "r+" to write to it as well.

    Returns
    -------
    zarr.Group
        The group.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    node = _node_at(store, mode)
    if isinstance(node, zarr.Group):
        return node
    found = "a Zarr array" if node is not None else "no Zarr group"
    raise FileNotFoundError(
        f"there is {found} at {store}; expected the root of an OME-Zarr image: the directory that "
        "holds its zarr.json (0.5) or .zgroup (0.4)"
    )


def below(store: Any, path: str) -> Any:
    """Give the place of a group inside another.

    Parameters
    ----------
    store
        A path, a Zarr store, or a group's place in one.
    path
        Names of groups, separated by slashes.

    Returns
    -------
    Path, str or StorePath
        What Zarr takes as a store.

    Examples
    --------
    >>> below(Path("image.ome.zarr"), "labels/nuclei").as_posix()
    'image.ome.zarr/labels/nuclei'
    """
    if isinstance(store, str) and "://" in store:
        return f"{store.rstrip('/')}/{path}"
    if isinstance(store, str | os.PathLike):
        return Path(store) / path
    if isinstance(store, StorePath):
        return store / path
    return StorePath(MemoryStore(store) if isinstance(store, dict) else store, path)


def is_incomplete(attributes: Mapping[str, Any]) -> bool:
    """Tell whether a group bears the mark of an unfinished write.

    Parameters
    ----------
    attributes
        Attributes of the group.

    Returns
    -------
    bool
        True if it does.
    """
    ours = attributes.get("data_helpers")
    return isinstance(ours, Mapping) and "incomplete" in ours


def remove_incomplete(store: Any) -> None:
    """Delete an image whose writer was stopped; nothing else is ever deleted.

    Parameters
    ----------
    store
        Where the image was to be: a path, or a Zarr store.

    Raises
    ------
    FileNotFoundError
        If there is no Zarr group.
    ValueError
        If what is there is complete, or something else.

    Examples
    --------
    >>> store = {}
    >>> group = zarr.create_group(store, attributes=_MARK)
    >>> remove_incomplete(store)
    >>> store
    {}
    """
    group = open_group(store)
    if not is_incomplete(group.attrs):
        raise ValueError(
            f"the group at {store} bears no mark of an unfinished write; expected one: delete it "
            "yourself if that is what you want"
        )
    _delete(store)


def _node_at(store: Any, mode: Any = "r") -> Any:
    """Zarr group or array of either format; None where there is none."""
    for zarr_format in (3, 2):
        try:
            return zarr.open(store, mode=mode, zarr_format=zarr_format)
        except (FileNotFoundError, ValueError):
            continue
    return None


def _location(node: Any) -> tuple[str, str] | None:
    """Where a group or array lives, in the words of `location`."""
    if not isinstance(node, zarr.Group):
        return location(node)
    store = innermost_store(node.store)
    if (root := getattr(store, "root", None)) is not None:
        return "file", str((Path(root) / node.path).resolve())
    return f"memory {id(getattr(store, '_store_dict', store))}", node.path


def _local_path(store: Any) -> Path | None:
    """Directory of a store that was given as a path."""
    if isinstance(store, os.PathLike) or (isinstance(store, str) and "://" not in store):
        return Path(store)
    return None


def _refuse_foreign(store: Any, known: Collection[str]) -> None:
    """Refuse a file, and a directory that holds files that are not Zarr's."""
    if (path := _local_path(store)) is None:
        return
    if path.is_file():
        raise FileExistsError(f"{path} is a file; expected a directory, or a path not in use yet")
    entries = sorted(path.iterdir()) if path.is_dir() else []
    foreign = [e.name for e in entries if e.name not in known and not (known and e.is_dir())]
    if foreign:
        raise FileExistsError(
            f"the directory {path} holds {foreign[:5]}, which are no part of a Zarr hierarchy; "
            "expected an empty place or, with overwrite=True, an OME-Zarr image: choose another "
            "place (nothing was deleted)"
        )


def _delete(store: Any) -> None:
    """Delete a group or array with all below it."""
    if (path := _local_path(store)) is not None:
        shutil.rmtree(path)
    elif (node := _node_at(store, "r+")) is not None:
        sync(node.store.delete_dir(node.path))
