"""Match: how well found objects agree with those of a reference, from counts of shared voxels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_helpers.jobs.run import Workers
from data_helpers.objects.values import check_labels, codes_and_values
from data_helpers.objects.walk import ask_chunks

__all__ = ["match_objects", "overlaps"]


def match_objects(
    found: Any,
    reference: Any,
    *,
    iou: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.9),
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Count the objects that agree with a reference, at several strengths of agreement.

    Two objects match when their intersection over union (IoU: voxels that both have, divided by
    voxels that at least one has) is larger than a threshold. Above 0.5 no object can match two.

    Parameters
    ----------
    found, reference
        NumPy, Zarr or Dask arrays of one shape, of integers; 0 is background. Dask arrays are
        computed.
    iou
        The thresholds, each at least 0.5 and below 1.
    n_jobs, backend, progress
        As for `run_jobs`. Dask uses its own scheduler.

    Returns
    -------
    DataFrame
        One row per threshold, the index ``iou``. Columns: ``matched`` pairs, objects ``found``,
        objects of the ``reference``, ``precision`` (matched of found) and ``recall`` (matched of
        reference; NaN where there are none).

    Raises
    ------
    TypeError
        If labels are not integers.
    ValueError
        If shapes or chunks differ, or a threshold is out of range.

    Examples
    --------
    The first object is there, with one of its four voxels missing; the second is not:

    >>> found, reference = np.array([1, 1, 1, 0, 0, 0, 0]), np.array([5, 5, 5, 5, 0, 6, 6])
    >>> match_objects(found, reference, iou=(0.5, 0.75)).reset_index()
        iou  matched  found  reference  precision  recall
    0  0.50        1      1          2        1.0     0.5
    1  0.75        0      1          2        0.0     0.0
    """
    if not all(0.5 <= threshold < 1 for threshold in iou):
        raise ValueError(
            f"iou is {tuple(iou)}; expected thresholds of at least 0.5 and below 1: below 0.5 one "
            "object could match two"
        )
    shared = _shared(found, reference, Workers(n_jobs, backend, progress))
    ratios = _with_iou(shared)["iou"].to_numpy()
    counts = [int(shared.loc[shared[name] != 0, name].nunique()) for name in _NAMES]
    table = pd.DataFrame(index=pd.Index(iou, name="iou"))
    table["matched"] = [int(np.count_nonzero(ratios > threshold)) for threshold in iou]
    table["found"], table["reference"] = counts
    table["precision"] = table["matched"] / (counts[0] or np.nan)
    table["recall"] = table["matched"] / (counts[1] or np.nan)
    return table


def overlaps(
    found: Any,
    reference: Any,
    *,
    n_jobs: int = -1,
    backend: str | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """List all pairs of a found object and one of the reference that share voxels.

    Parameters
    ----------
    found, reference, n_jobs, backend, progress
        As `match_objects`.

    Returns
    -------
    DataFrame
        One row per pair: labels ``found`` and ``reference``, ``voxels`` that both have, and
        ``iou``, their intersection over union.

    Raises
    ------
    TypeError, ValueError
        As `match_objects`.

    Examples
    --------
    >>> overlaps(np.array([1, 1, 2, 0]), np.array([0, 5, 5, 0]))
       found  reference  voxels       iou
    0      1          5       1  0.333333
    1      2          5       1  0.500000
    """
    return _with_iou(_shared(found, reference, Workers(n_jobs, backend, progress)))


_NAMES = ["found", "reference"]


def _shared(found: Any, reference: Any, workers: Workers) -> pd.DataFrame:
    """Voxels of each pair of labels in the whole image, background included."""
    check_labels(found)
    check_labels(reference)
    parts = ask_chunks(_count_pairs, [found, reference], workers)
    return pd.concat(parts).groupby(_NAMES, as_index=False).sum()


def _count_pairs(
    _origin: Sequence[int], found: NDArray[Any], reference: NDArray[Any]
) -> pd.DataFrame:
    """Voxels of each pair of labels in one block."""
    codes, labels = codes_and_values(found.ravel())
    reference_codes, reference_labels = codes_and_values(reference.ravel())
    pairs, values = codes_and_values(codes * len(reference_labels) + reference_codes)
    return pd.DataFrame(
        {
            "found": labels[values // max(len(reference_labels), 1)],
            "reference": reference_labels[values % max(len(reference_labels), 1)],
            "voxels": np.bincount(pairs, minlength=len(values)),
        }
    )


def _with_iou(shared: pd.DataFrame) -> pd.DataFrame:
    """Pairs of two objects, with their intersection over union."""
    sizes = [shared.groupby(name)["voxels"].sum() for name in _NAMES]
    pairs = shared[(shared["found"] != 0) & (shared["reference"] != 0)].reset_index(drop=True)
    either = [size.loc[pairs[name]].to_numpy() for name, size in zip(_NAMES, sizes, strict=True)]
    union = either[0] + either[1] - pairs["voxels"].to_numpy()
    return pairs.assign(iou=pairs["voxels"].to_numpy() / union)
