"""Which labels a block holds, and how often: by hashing, since labels need not be dense."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["check_labels", "codes_and_values", "sizes_of"]


def codes_and_values(labels: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Replace labels by small numbers from 0, and say which label each number stands for.

    Parameters
    ----------
    labels
        Integers, one axis.

    Returns
    -------
    codes : ndarray of intp
        For each element the position of its label in `values`.
    values : ndarray
        Each label once, in ascending order.

    Examples
    --------
    >>> codes_and_values(np.array([70, 5, 70]))
    (array([1, 0, 1]), array([ 5, 70]))
    """
    codes, values = pd.factorize(labels, sort=True)
    return codes, np.asarray(values)


def sizes_of(block: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Count the voxels of each label in a block, without the background.

    Parameters
    ----------
    block
        Labels; 0 is background.

    Returns
    -------
    labels : ndarray
        Each label once, in ascending order.
    sizes : ndarray of int64
        Voxels of each.

    Examples
    --------
    >>> sizes_of(np.array([[0, 7], [3, 7]]))
    (array([3, 7]), array([1, 2]))
    """
    flat = block.ravel()
    codes, values = codes_and_values(flat[flat != 0])
    return values, np.bincount(codes, minlength=len(values)).astype(np.int64)


def check_labels(labels: Any) -> None:
    """Refuse what cannot be labels.

    Parameters
    ----------
    labels
        Any array.

    Raises
    ------
    TypeError
        If it does not hold integers.

    Examples
    --------
    >>> check_labels(np.array([0, 1, 2]))
    """
    if np.dtype(labels.dtype).kind not in "iu":
        raise TypeError(
            f"the labels are {labels.dtype}; expected integers, 0 for background and one number "
            "for each object: label(binary) makes them"
        )
