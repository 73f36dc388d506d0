"""Where an image goes: what is there already, the mark of an unfinished write, and clearing up.

While an image is being written, its group bears a mark and no image metadata, so that no reader
takes it for an image. The metadata replaces the mark in one step when every chunk is stored. What
is deleted bears a mark from before the first chunk goes until after the last has gone.
"""

import json
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import zarr
from zarr.storage import MemoryStore, StorePath, ZipStore

from data_helpers.jobs.arrays import location
from data_helpers.ome_zarr.marks import (
    ZARR_FILES,
    delete_marked,
    is_incomplete,
    node_at,
    replace_by_mark,
)
from data_helpers.ome_zarr.sources import arrays_read_by

__all__ = ["IncompleteImageError", "Target", "below", "open_group", "remove_incomplete"]

_LEFTOVER = re.compile(r".*\.[0-9a-f]{32}\.partial")  # of a file that was being written


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
        self._found = node_at(store)

    @property
    def is_unfinished(self) -> bool:
        """Whether there is an image whose writer was stopped, none of it deleted since."""
        if self._found is None or not is_incomplete(self._found.attrs):
            return False
        of_this_format = self._found.metadata.zarr_format == self.zarr_format
        return of_this_format and "deleted" not in self._found.attrs["data_helpers"]

    @property
    def is_taken(self) -> bool:
        """Whether there was a Zarr group or array at first."""
        return self._found is not None

    @property
    def place(self) -> Any:
        """Where in its store the Zarr group or array is that is there now."""
        return node_at(self.store).store_path

    def holds(self, attributes: dict[str, Any]) -> bool:
        """Tell whether there is a finished image with these metadata, and maybe others.

        Parameters
        ----------
        attributes
            The metadata of the group.

        Returns
        -------
        bool
            True if there is.
        """
        if not isinstance(self._found, zarr.Group) or is_incomplete(self._found.attrs):
            return False
        found = self._found.attrs.asdict()
        wanted = json.loads(json.dumps(attributes))
        return all(found.get(name) == value for name, value in wanted.items())

    def check(self, *, overwrite: bool, resume: Callable[[], bool], source: Any) -> bool:
        """Say whether an earlier run is continued; refuse what must not be overwritten.

        Parameters
        ----------
        overwrite
            Whether a Zarr group or array may be replaced.
        resume
            Tells whether there is a manifest of the run that wrote what is there.
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
            _refuse_foreign(self.store, ZARR_FILES if self._found is not None else ())
            return False
        if resume():
            return True
        what, cure = "a Zarr hierarchy", "choose another place, or say overwrite=True to replace it"
        if is_incomplete(self._found.attrs):
            what = "an image whose writer was stopped"
            cure = "give the manifest of that run to go on, or say overwrite=True to write it anew"
        raise FileExistsError(f"there is {what} at {self.store}; expected an empty place: {cure}")

    def begin(self) -> None:
        """Make the group, with the mark of an unfinished write, in place of what was there."""
        replace_by_mark(self.store, self.zarr_format)

    def finish(self, attributes: dict[str, Any]) -> None:
        """Put the metadata of the image in the place of the mark; without one, change nothing."""
        group = zarr.open_group(self.store, mode="r+", zarr_format=self.zarr_format)
        if is_incomplete(group.attrs):
            group.attrs.put(attributes)

    def remove(self) -> None:
        """Take back what this run has made."""
        delete_marked(self.store)

    def _refuse_own_source(self, source: Any) -> None:
        if (mine := location(self._found)) is None:
            return
        root = mine[1].rstrip("/") + "/" if mine[1] else ""
        for array in arrays_read_by(source):
            place = location(array)
            if place is not None and place[0] == mine[0] and (place[1] + "/").startswith(root):
                raise ValueError(
                    f"the source lies in the target {self.store}, or reads from it, which would be "
                    "replaced before it is read; expected another place: write there, then move it"
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
    node = node_at(store, mode)
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
    >>> from data_helpers.ome_zarr.marks import MARK
    >>> group = zarr.create_group(store, attributes=MARK)
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
    delete_marked(store)


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
    foreign = [
        entry.name
        for entry in entries
        if entry.name not in known
        and not (known and (entry.is_dir() or _LEFTOVER.fullmatch(entry.name)))
    ]
    if foreign:
        raise FileExistsError(
            f"the directory {path} holds {foreign[:5]}, which are no part of a Zarr hierarchy; "
            "expected an empty place or, with overwrite=True, an OME-Zarr image: choose another "
            "place (nothing was deleted)"
        )
