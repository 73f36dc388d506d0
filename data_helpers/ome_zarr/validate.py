"""Everything that is wrong with an OME-Zarr image, as a list to read."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import zarr
from ome_zarr_models import v04, v05
from pydantic import ValidationError

from data_helpers.jobs import verify
from data_helpers.jobs.arrays import ZarrArray
from data_helpers.ome_zarr.image import Multiscale, open_multiscale
from data_helpers.ome_zarr.marks import is_incomplete
from data_helpers.ome_zarr.rules import agreement_findings, label_findings, metadata_findings
from data_helpers.ome_zarr.target import open_group

__all__ = ["ImageFinding", "validate"]

# What the models say, without a name, of labels; `label_findings` says it of each label image.
_SAID_OF_LABELS = "Number of image label multiscale levels"
Kind: TypeAlias = Literal["incomplete", "model", "rule", "array", "chunk", "labels"]


@dataclass(frozen=True)
class ImageFinding:
    """One thing that is wrong with an image.

    Attributes
    ----------
    kind : str
        "incomplete" (the writer was stopped), "model" (the metadata are not of the form that
        ome-zarr-models asks for), "rule" (they break a rule of the specification), "array" (arrays
        and metadata do not agree), "chunk" (missing or unreadable) or "labels" (they do not suit
        the image, or their list is wrong).
    place : str
        Where: the path of a group or array in the image; empty for the image itself.
    message : str
        What was found, and what was expected.
    """

    kind: Kind
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place or 'image'} ({self.kind}): {self.message}"


def validate(
    store: Any, *, manifest: str | os.PathLike[str] | None = None, n_jobs: int = -1
) -> list[ImageFinding]:
    r"""List everything that is wrong with an OME-Zarr image.

    Four questions are asked: do the metadata fit the models of ome-zarr-models; do they keep the
    specification's rules; do the arrays agree with them, in dimensions, types, sizes and positions;
    and is every chunk there and readable. Labels beside the image are asked the same, and whether
    their shape, levels, scales and translations are the image's.

    Parameters
    ----------
    store
        A path, a Zarr store, or a group's place in one; OME-Zarr 0.4 or 0.5.
    manifest
        The manifest of the run that wrote it. With one, also values that have changed since are
        found, where the codec has no checksum, as in version 0.4.
    n_jobs
        How many chunks to read at a time. -1 means one per processor core.

    Returns
    -------
    list of ImageFinding
        Empty for a sound image.

    Raises
    ------
    FileNotFoundError
        If there is no Zarr group at all.

    Examples
    --------
    >>> import numpy as np
    >>> from data_helpers import write_multiscale
    >>> store = {}
    >>> image = write_multiscale(np.ones((4, 4)), store, axes="yx", voxel_size=0.5, levels=2)
    >>> validate(store)
    []
    >>> del store["1/c/0/0"]
    >>> print(*validate(store), sep="\n")
    1 (chunk): [0:2, 0:2] (1/c/0/0) missing: the store has no such key
    """
    group = open_group(store)
    return [*_image_findings(group, manifest, n_jobs), *_label_findings(group, n_jobs)]


def _image_findings(
    group: zarr.Group, manifest: str | os.PathLike[str] | None, n_jobs: int
) -> list[ImageFinding]:
    """List findings on an image, without its labels."""
    attributes: dict[str, Any] = group.attrs.asdict()
    if is_incomplete(attributes):
        message = "its writer is still at work or was stopped; expected a finished image"
        return [ImageFinding("incomplete", "", message)]
    metadata = attributes.get("ome", attributes)
    multiscales = metadata.get("multiscales") if isinstance(metadata, Mapping) else None
    if not isinstance(multiscales, list) or not multiscales:
        message = f"there is no 'multiscales' metadata, only {sorted(attributes)}"
        return [ImageFinding("model", "", f"{message}; expected the root of an image")]
    found = [ImageFinding("model", "", message) for message in _model_messages(group)]
    found += [ImageFinding("rule", "", m) for m in metadata_findings(attributes, group)]
    arrays = [_arrays(group, multiscale) for multiscale in multiscales]
    for multiscale, levels in zip(multiscales, arrays, strict=True):
        found += [ImageFinding("array", *pair) for pair in agreement_findings(multiscale, levels)]
    for path, array in {path: a for levels in arrays for path, a in levels.items()}.items():
        found += _chunk_findings(path, array, manifest, n_jobs)
    return found


def _model_messages(group: zarr.Group) -> list[str]:
    """Ask ome-zarr-models, one message per error and per warning."""
    model = v04.Image if group.metadata.zarr_format == 2 else v05.Image
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            model.from_zarr(group)
            errors = []
        except ValidationError as error:
            errors = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        except Exception as error:  # the models raise various errors for what they miss
            errors = [f"{type(error).__name__}: {error}"]
    errors = [error for error in errors if _SAID_OF_LABELS not in error]
    return [*errors, *(str(warning.message) for warning in heard)]


def _arrays(group: zarr.Group, multiscale: Any) -> dict[str, ZarrArray]:
    """Arrays that the metadata name and that are there."""
    datasets = multiscale.get("datasets", []) if isinstance(multiscale, Mapping) else []
    named = [d["path"] for d in datasets if isinstance(d, Mapping) and "path" in d]
    nodes = {str(path): group.get(str(path)) for path in named}
    return {path: node for path, node in nodes.items() if isinstance(node, zarr.Array)}


def _chunk_findings(
    path: str, array: ZarrArray, manifest: str | os.PathLike[str] | None, n_jobs: int
) -> Iterator[ImageFinding]:
    record = None if manifest is None else Path(manifest) / f"{path}.jsonl"
    for finding in verify(array, record, n_jobs=n_jobs).findings:
        yield ImageFinding("chunk", path, str(finding))


def _label_findings(image: zarr.Group, n_jobs: int) -> list[ImageFinding]:
    """List findings on the labels beside an image: those listed, and those that should be."""
    group = image.get("labels")
    if group is None:
        return []
    if not isinstance(group, zarr.Group):
        return [ImageFinding("labels", "labels", "is an array; expected a group of label images")]
    attributes: dict[str, Any] = group.attrs.asdict()
    listed: Sequence[str] = attributes.get("ome", attributes).get("labels", ())
    found = []
    for name in [*listed, *sorted(set(group.group_keys()) - set(listed))]:
        place = f"labels/{name}"
        member = group.get(name)
        if not isinstance(member, zarr.Group):
            found.append(ImageFinding("labels", place, "is listed but not there"))
            continue
        if name not in listed:
            found.append(ImageFinding("labels", place, "is there but not listed"))
        own = _image_findings(member, None, n_jobs)
        if all(one.kind != "incomplete" for one in own):
            own += _findings_beside(image, member)
        found += [
            ImageFinding(one.kind, f"{place}/{one.place}".rstrip("/"), one.message) for one in own
        ]
    return found


def _findings_beside(image: zarr.Group, labels: zarr.Group) -> list[ImageFinding]:
    """Ask whether a label image is one, and the image's."""
    found = []
    attributes: dict[str, Any] = labels.attrs.asdict()
    metadata = attributes.get("ome", attributes)
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("image-label"), Mapping):
        message = "there is no 'image-label' metadata; expected it, or it is an image, not labels"
        found.append(ImageFinding("labels", "", message))
    opened, beside = _opened(image), _opened(labels)
    if opened is not None and beside is not None:
        found += [ImageFinding("labels", *pair) for pair in label_findings(opened, beside)]
    return found


def _opened(group: zarr.Group) -> Multiscale | None:
    """Open an image; None for one so damaged that it has findings of its own."""
    try:
        return open_multiscale(group.store_path)
    except Exception:  # metadata can be damaged in any way
        return None
