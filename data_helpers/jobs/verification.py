"""Looking for what was lost: chunks that are missing, unreadable, or not what was written."""

import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import zarr

from data_helpers.grid import Index
from data_helpers.jobs.arrays import ZarrArray, all_chunk_indices
from data_helpers.jobs.guards import index_text
from data_helpers.jobs.identity import differences, identity_of
from data_helpers.jobs.job import Job, crc32
from data_helpers.jobs.manifest import Manifest, parse_index
from data_helpers.jobs.run import Workers
from data_helpers.jobs.stored import (
    absent_inner_chunks,
    chunk_key,
    stored_bytes,
    units_left,
    units_within,
)

__all__ = ["Finding", "Report", "verify"]

Problem = Literal["missing", "unreadable", "undecidable"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with an array.

    Attributes
    ----------
    problem : str
        "missing", "unreadable" (also: not the values that were written) or "undecidable".
    index : tuple of slice
        The elements concerned.
    key : str
        The key in the store.
    reason : str
        What was found.
    """

    problem: Problem
    index: Index
    key: str
    reason: str

    def __str__(self) -> str:
        return f"{index_text(self.index)} ({self.key}) {self.problem}: {self.reason}"


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    Attributes
    ----------
    units : int
        How many shards or chunks were looked at.
    findings : tuple of Finding
        What is wrong; empty for a sound array.
    """

    units: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def missing(self) -> list[Index]:
        """Regions that were lost or never written."""
        return self._regions("missing")

    @property
    def unreadable(self) -> list[Index]:
        """Regions that raise when read, or hold other values than were written."""
        return self._regions("unreadable")

    @property
    def undecidable(self) -> list[Index]:
        """Regions of which nobody can tell whether they are empty or lost."""
        return self._regions("undecidable")

    def _regions(self, problem: Problem) -> list[Index]:
        return [finding.index for finding in self.findings if finding.problem == problem]

    def __str__(self) -> str:
        if self.ok:
            return f"{self.units} of {self.units} units of work are sound"
        counts = (
            f"{self.units} units of work: {len(self.missing)} regions missing, "
            f"{len(self.unreadable)} unreadable, {len(self.undecidable)} undecidable"
        )
        lines = [str(finding) for finding in self.findings[:20]]
        more = len(self.findings) - len(lines)
        return "\n".join([counts, *lines, *([f"and {more} more"] if more else [])])


def verify(
    array: Any, manifest: str | os.PathLike[str] | None = None, *, n_jobs: int = -1
) -> Report:
    """Look at every shard and chunk of an array, as it is stored.

    Reading cannot tell a lost chunk from an empty one: both come back as the fill value. So the
    store is asked for the bytes of each.

    Parameters
    ----------
    array
        A Zarr array, of format 2 or 3, with or without shards.
    manifest
        The manifest of the run that wrote it. With one, the values of each region are compared
        with the checksum noted when they were written, which finds a flipped bit also where the
        codecs have no checksum of their own.
    n_jobs
        How many units to read at a time. -1 means one per processor core.

    Returns
    -------
    Report
        Regions missing, unreadable and undecidable. A chunk that is absent is missing when a
        manifest says it was written, or when the array was made by `create_like`; else it may as
        well be empty, and is undecidable.

    Raises
    ------
    TypeError
        If `array` is not a Zarr array.
    ValueError
        If the manifest is empty or belongs to another array.

    Examples
    --------
    >>> import numpy as np
    >>> from data_helpers import create_like
    >>> array = create_like(np.zeros((4, 4), "u1"), chunks=(2, 4))
    >>> array[:2] = 0
    >>> print(verify(array))
    2 units of work: 1 regions missing, 0 unreadable, 0 undecidable
    [2:4, 0:4] (c/1/0) missing: the store has no such key
    """
    if not isinstance(array, zarr.Array):
        raise TypeError(f"verify looks at what a Zarr array stores, but got {type(array).__name__}")
    known = None if manifest is None else _manifest_of(array, manifest)
    done = {} if known is None else known.done
    regions = [parse_index(text) for text in done]
    regions += units_left(array, regions)
    jobs: list[Job] = [
        (_check_region, (array, region, known is not None, done.get(index_text(region))), {})
        for region in regions
    ]
    found: list[Finding] = []
    Workers(n_jobs).run(jobs, lambda _, some: found.extend(some))
    found.sort(key=lambda finding: [part.start for part in finding.index])
    return Report(len(all_chunk_indices(array)), tuple(found))


def _manifest_of(array: ZarrArray, path: str | os.PathLike[str]) -> Manifest:
    """Read the manifest of an array, and make sure that it is."""
    manifest = Manifest(path)
    if manifest.identity is None:
        raise ValueError(f"the manifest {path} is empty or not there; expected that of a run")
    lines = differences(identity_of(array, contents=False), manifest.identity["output"])
    if lines:
        raise ValueError(f"the manifest {path} belongs to another array:\n  " + "\n  ".join(lines))
    return manifest


def _check_region(
    array: ZarrArray, region: Index, has_manifest: bool, checksum: int | None
) -> list[Finding]:
    """Check the units of a region one by one, then its values."""
    if has_manifest and checksum is None:
        reason = "the manifest does not say that it was written"
        return [Finding("missing", region, chunk_key(array, region), reason)]
    sure = has_manifest or _stores_every_chunk(array)
    found = [
        finding
        for unit in units_within(array, region)
        for finding in _check_unit(array, unit, sure)
    ]
    if not found and checksum is not None and crc32(np.asarray(array[region])) != checksum:
        key = chunk_key(array, next(units_within(array, region)))
        reason = "the values are not those that were written, by the manifest's checksum"
        found.append(Finding("unreadable", region, key, reason))
    return found


def _check_unit(array: ZarrArray, unit: Index, sure: bool) -> list[Finding]:
    """Check that one shard or chunk is there, whole and readable."""
    key = chunk_key(array, unit)
    problem: Problem = "missing" if sure else "undecidable"
    absent = "the store has no such key" if sure else "absent: empty or lost, cannot tell"
    data = stored_bytes(array, key)
    if data is None:
        return [Finding(problem, unit, key, absent)]
    if array.shards is not None:
        try:
            inner = absent_inner_chunks(array, unit, data)
        except ValueError as error:
            return [Finding("missing", unit, key, str(error))]
        if inner:
            absent = "the shard does not hold this chunk" if sure else absent
            return [Finding(problem, index, key, absent) for index in inner]
    try:
        array[unit]
    except Exception as error:
        return [Finding("unreadable", unit, key, f"{type(error).__name__}: {error}")]
    return []


def _stores_every_chunk(array: ZarrArray) -> bool:
    """Tell whether an absent chunk is a lost one, for lack of any other reason to be absent."""
    noted = array.attrs.get("data_helpers")
    return isinstance(noted, dict) and noted.get("write_empty_chunks") is True
