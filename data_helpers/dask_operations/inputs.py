"""What comes in: Dask arrays whose chunks are known and fit together, and dtypes that hold results.

Nothing here computes anything, and nothing rechunks: an array that does not fit is refused, with
the call that makes it fit.
"""

from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import DTypeLike

__all__ = ["check_image", "check_partner", "float_dtype"]


def check_image(image: Any, name: str, kinds: str = "biuf") -> None:
    """Refuse what is not a Dask array of numbers with known chunks.

    Parameters
    ----------
    image
        What was given.
    name
        How the caller calls it.
    kinds
        Kinds of dtype that are welcome, in NumPy's letters.

    Raises
    ------
    TypeError
        If it is not a Dask array, or holds other things than asked for.
    ValueError
        If chunk sizes are unknown.

    Examples
    --------
    >>> check_image(da.zeros((4, 4), chunks=2), "x")
    >>> check_image(np.zeros((4, 4)), "x")
    Traceback (most recent call last):
    TypeError: x is a ndarray; expected a Dask array: use dask.array.from_array or from_zarr
    """
    if not isinstance(image, da.Array):
        raise TypeError(
            f"{name} is a {type(image).__name__}; expected a Dask array: use "
            "dask.array.from_array or from_zarr"
        )
    if image.dtype.kind not in kinds or image.dtype.itemsize > np.dtype("f8").itemsize:
        names = {"b": "bool", "i": "integers", "u": "unsigned integers", "f": "floats"}
        wanted = ", ".join(names[kind] for kind in kinds)
        raise TypeError(
            f"{name} holds {image.dtype}; expected {wanted} of at most 64 bits: convert it with "
            "astype, or compare it with a number"
        )
    if any(length != length for length in image.shape):  # only NaN, an unknown size in Dask
        raise ValueError(
            f"the chunk sizes of {name} are unknown: {image.chunks}; call compute_chunk_sizes() "
            "on it first"
        )


def check_partner(image: da.Array, partner: da.Array, name: str) -> None:
    """Refuse an array that does not lie on the last axes of an image, chunk on chunk.

    Parameters
    ----------
    image
        The image.
    partner
        Another array, of the image's shape, or without its first axes.
    name
        How the caller calls the partner.

    Raises
    ------
    ValueError
        If shapes do not fit, or chunks are others.

    Examples
    --------
    >>> series = da.zeros((5, 4, 4), chunks=(1, 2, 4))
    >>> check_partner(series, da.zeros((4, 4), chunks=(2, 4)), "mask")
    >>> check_partner(series, da.zeros((4, 4), chunks=4), "mask")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: mask has chunks ((4,), (4,)), the image ((2, 2), (4,)) along the same axes; ...
    """
    first = image.ndim - partner.ndim
    if first < 0 or partner.shape != image.shape[first:]:
        raise ValueError(
            f"{name} has shape {partner.shape}, the image {image.shape}; expected the image's "
            "shape, or that of its last axes: add axes of the image's length with "
            "dask.array.broadcast_to, or choose a part of it"
        )
    wanted = image.chunks[first:]
    if partner.chunks != wanted:
        raise ValueError(
            f"{name} has chunks {partner.chunks}, the image {wanted} along the same axes; expected "
            f"the same chunks: use {name}.rechunk({wanted}), or change those of the image"
        )


def float_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Choose the smallest floats from float32 on that hold every value of a dtype.

    Parameters
    ----------
    dtype
        Of an image.

    Returns
    -------
    dtype
        float32 for bool, integers of at most 16 bits and floats of at most 32; else float64, which
        is exact for integers up to 2 ** 53.

    Examples
    --------
    >>> float_dtype("uint16"), float_dtype("int32")
    (dtype('float32'), dtype('float64'))
    """
    return np.result_type(dtype, np.float32)
