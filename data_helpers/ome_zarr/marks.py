"""The mark of an unfinished image, and deleting so that what is left always bears it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import zarr
from zarr.core.sync import sync

from data_helpers.jobs.arrays import location

__all__ = ["MARK", "ZARR_FILES", "delete_marked", "is_incomplete", "node_at", "replace_by_mark"]

MARK: dict[str, Any] = {
    "data_helpers": {"incomplete": "an image is being written, or its writer was stopped"}
}
_DELETED: dict[str, Any] = {
    "data_helpers": {
        "incomplete": "an image is being deleted, or its deletion was stopped",
        "deleted": True,
    }
}
ZARR_FILES = ("zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata")


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


def node_at(store: Any, mode: Any = "r") -> Any:
    """Open a Zarr group or array of either format.

    Parameters
    ----------
    store
        A path, a Zarr store, or a group's place in one.
    mode
        "r" to read, "r+" to write to it as well.

    Returns
    -------
    zarr.Group, zarr.Array or None
        None where there is neither.
    """
    for zarr_format in (3, 2):
        try:
            return zarr.open(store, mode=mode, zarr_format=zarr_format)
        except (FileNotFoundError, ValueError):
            continue
    return None


def replace_by_mark(store: Any, zarr_format: Any) -> None:
    """Make an empty group with the mark of an unfinished write; delete what was there.

    Whenever this is stopped, what is left bears a mark: it never looks like a whole image, and can
    be removed or overwritten.

    Parameters
    ----------
    store
        A path, a Zarr store, or a group's place in one.
    zarr_format
        Of the new group: 2 or 3.
    """
    if (found := node_at(store, "r+")) is not None:
        found = _mark_as_deleted(found)
        _delete_all(found, set(_names_in(found)) - set(ZARR_FILES))
        old_format = found.metadata.zarr_format
        # Where there are files of both formats, as between the two steps below, 3 was opened.
        _delete_all(found, _files_of(2 if old_format == 3 else 3))
        if isinstance(found, zarr.Group) and old_format == zarr_format:
            found.attrs.put(MARK)
            return
        if isinstance(found, zarr.Array):
            _delete_all(found, _files_of(old_format))
    zarr.create_group(store, zarr_format=zarr_format, attributes=MARK)
    if isinstance(found, zarr.Group):  # its mark goes when the other is there
        _delete_all(found, _files_of(old_format))


def delete_marked(store: Any) -> None:
    """Delete a group or array with all below it, and last of all the mark that it is deleted.

    Parameters
    ----------
    store
        A path, a Zarr store, or a group's place in one.
    """
    replace_by_mark(store, 3)  # whose mark is a single file
    group = zarr.open_group(store, mode="r+", zarr_format=3)
    place = location(group)
    _delete_all(group, ["zarr.json"])
    if place is not None and place[0] == "file":
        Path(place[1]).rmdir()


def _mark_as_deleted(node: Any) -> Any:
    """Mark a group or array, and the groups below it, such as label images; open it anew."""
    if isinstance(node, zarr.Group):
        # Consolidated metadata are copies, in which the mark would not show.
        _delete_all(node, [".zmetadata"])
        zarr_format: Any = node.metadata.zarr_format
        node = zarr.open_group(
            node.store_path, mode="r+", zarr_format=zarr_format, use_consolidated=False
        )
    node.attrs.put(_DELETED)
    if isinstance(node, zarr.Group):
        for name in sorted(set(_names_in(node)) - set(ZARR_FILES)):
            if isinstance(inner := node_at(node.store_path / name, "r+"), zarr.Group):
                _mark_as_deleted(inner)
    return node


def _files_of(zarr_format: int) -> list[str]:
    """Names of the files of metadata."""
    return [name for name in ZARR_FILES if (name == "zarr.json") == (zarr_format == 3)]


def _names_in(node: Any) -> list[str]:
    """Names of everything right below a group or array, Zarr's or not."""

    async def names() -> list[str]:
        return [name async for name in node.store.list_dir(node.path)]

    return sync(names())


def _delete_all(node: Any, names: Collection[str]) -> None:
    """Delete what has these names right below a group or array, with all below it."""
    for name in sorted(names):
        place = node.store_path / name
        sync(place.store.delete(place.path))
        sync(place.store.delete_dir(place.path))
