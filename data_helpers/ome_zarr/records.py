"""Records of what is done: one manifest per level, so that a run that was stopped can go on."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import zarr
from dask.base import tokenize
from zarr.storage import StorePath

from data_helpers.grid import Index
from data_helpers.jobs import ReadableArray, all_chunk_indices
from data_helpers.jobs.arrays import ZarrArray, local_directory
from data_helpers.jobs.guards import index_text
from data_helpers.jobs.identity import identity_of
from data_helpers.jobs.manifest import Manifest
from data_helpers.jobs.stored import stored
from data_helpers.ome_zarr.plan import Plan
from data_helpers.ome_zarr.spec import create_level

__all__ = ["Record", "has_records", "records", "records_are_complete", "refuse_other_work"]


class Record:
    """What is done of one level.

    Parameters
    ----------
    output
        The level.
    manifest
        Where it is noted; None for a run that leaves no notes.
    """

    def __init__(self, output: ZarrArray, manifest: Manifest | None) -> None:
        self._manifest = manifest
        self._done: set[str] = set()
        if manifest is not None:
            _sweep_leftovers(output)
            noted = [i for i in all_chunk_indices(output) if index_text(i) in manifest.done]
            there = stored(output, noted)  # not those that were deleted since
            self._done = {index_text(i) for i, found in zip(noted, there, strict=True) if found}

    def wanted(self, index: Index) -> bool:
        """Tell whether a unit of work was still to be written when this run began."""
        return index_text(index) not in self._done

    def add(self, index: Index, checksum: int) -> None:
        """Note that a unit of work was written."""
        if self._manifest is not None:
            self._manifest.add(index, checksum)

    def finish(self) -> None:
        """Note that the level is complete."""
        if self._manifest is not None:
            self._manifest.finish()


@contextmanager
def records(
    directory: str | os.PathLike[str] | None,
    source: ReadableArray,
    outputs: Sequence[ZarrArray],
    plan: Plan,
) -> Iterator[list[Record]]:
    """Hold one record per level for as long as a run lasts.

    Parameters
    ----------
    directory
        Where the manifests are; None to do without.
    source, outputs, plan
        What identifies the work: another one may not go on from here.

    Yields
    ------
    list of Record
        One per level.
    """
    if directory is None:
        yield [Record(output, None) for output in outputs]
        return
    with ExitStack() as held:
        found = []
        identities = _identities(source, outputs, plan)
        for number, (output, identity) in enumerate(zip(outputs, identities, strict=True)):
            manifest = _manifest(directory, number)
            held.enter_context(manifest.writing(identity))
            found.append(Record(output, manifest))
        yield found


def has_records(directory: str | os.PathLike[str]) -> bool:
    """Tell whether a directory holds the records of a run; `records` checks of which.

    Parameters
    ----------
    directory
        Where the manifests are, if there are any.

    Returns
    -------
    bool
        True if it does.
    """
    return _manifest(directory, 0).identity is not None


def records_are_complete(
    directory: str | os.PathLike[str],
    source: ReadableArray,
    outputs: Sequence[ZarrArray],
    plan: Plan,
) -> bool:
    """Tell whether a directory says that this very work was done to its end.

    Parameters
    ----------
    directory
        Where the manifests are, if there are any.
    source, outputs, plan
        What identifies the work.

    Returns
    -------
    bool
        True if it does. Nothing is written.
    """
    manifests = [_manifest(directory, number) for number in range(len(outputs))]
    if not all(manifest.finished for manifest in manifests):
        return False
    identities = _identities(source, outputs, plan)
    noted = [manifest.identity for manifest in manifests]
    return noted == list(json.loads(json.dumps(identities)))


def refuse_other_work(
    directory: str | os.PathLike[str], source: ReadableArray, place: StorePath, plan: Plan
) -> None:
    """Refuse manifests of other work, before there are levels, and before any are replaced.

    Parameters
    ----------
    directory
        Where the manifests are, if there are any.
    source, plan
        What identifies the work.
    place
        Where the image's group is, or is to be.

    Raises
    ------
    RuntimeError
        If another run holds a manifest.
    ValueError
        If a manifest belongs to other work, with both.
    """
    levels: list[ZarrArray] = []
    for number in range(len(plan.factors)):
        metadata: Any = create_level({}, "", plan, number).metadata
        levels.append(zarr.Array(zarr.AsyncArray(metadata, place / str(number))))
    for number, identity in enumerate(_identities(source, levels, plan)):
        with _manifest(directory, number).writing(identity):
            pass


def _manifest(directory: str | os.PathLike[str], number: int) -> Manifest:
    return Manifest(Path(directory) / f"{number}.jsonl")


def _identities(
    source: ReadableArray, outputs: Sequence[ZarrArray], plan: Plan
) -> list[dict[str, Any]]:
    """Say what identifies the work on each level."""
    read = _source_identity(source)
    return [
        {
            "compute": {"source": read, "factors": list(factors), "method": plan.method},
            "output": identity_of(output, contents=False),
        }
        for factors, output in zip(plan.factors, outputs, strict=True)
    ]


def _source_identity(source: ReadableArray) -> Any:
    """Tell one source from another, also views and lazy arrays, which Dask has tokens for."""
    return tokenize(source) if hasattr(source, "__dask_tokenize__") else identity_of(source)


def _sweep_leftovers(output: ZarrArray) -> None:
    """Delete the temporary files of a writer that was killed."""
    directory = local_directory(output)
    for leftover in directory.rglob("*.partial") if directory else ():
        leftover.unlink(missing_ok=True)
