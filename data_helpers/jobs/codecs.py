"""The one place where codecs are chosen for reading.

Without further packages, zarr-python reads and writes. With the ``fast`` extra
(``pip install "chunk-by-chunk[fast]"``), inputs on a local disk are decoded by the Rust codec
pipeline of the package zarrs. It decodes the same bytes to the same values, faster.

Outputs are always written by zarr-python. Its writes are all or nothing (a temporary file that is
then renamed), and it stores chunks that hold only the fill value when told to; zarrs 0.2 opens the
chunk's file itself and leaves such chunks out, so a killed run would leave torn chunks, and a
chunk that is absent would no longer be one that is lost.

Set the environment variable ``DATA_HELPERS_CODECS=zarr-python`` to do without zarrs.
"""

import os
from importlib.util import find_spec
from typing import TypeVar, cast

import zarr
from zarr.storage import LocalStore

from data_helpers.jobs.inline import inline

__all__ = ["fast_to_read"]

AnyArray = TypeVar("AnyArray")

_PIPELINE = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "codec_pipeline.strict": True}


def fast_to_read(array: AnyArray) -> AnyArray:
    """Open a Zarr array on a local disk to be read inline, and with faster codecs where installed.

    Parameters
    ----------
    array
        Any array.

    Returns
    -------
    array
        The same array, read on the thread that asks (see `inline`); with faster codecs unless these
        are not installed, are switched off or do not know the array's codecs. An array that is not
        one of Zarr on a local disk, as it came.

    Raises
    ------
    ValueError
        If ``DATA_HELPERS_CODECS`` is neither ``zarrs`` nor ``zarr-python``.

    Examples
    --------
    >>> in_memory = zarr.create_array({}, shape=(4,), chunks=(2,), dtype="u1")
    >>> fast_to_read(in_memory) is in_memory
    True
    """
    # A store that wraps another one counts or watches what is read: it must not be bypassed.
    if not isinstance(array, zarr.Array) or type(array.store) is not LocalStore:
        return array
    if not _wanted():
        return inline(array)
    try:
        with zarr.config.set(_PIPELINE):
            return cast(AnyArray, inline(array.with_config({})))
    except Exception:  # zarrs raises various errors for codecs it does not know
        return inline(array)


def _wanted() -> bool:
    """Tell whether zarrs is installed and not switched off."""
    choice = os.environ.get("DATA_HELPERS_CODECS", "zarrs")
    if choice not in ("zarrs", "zarr-python"):
        raise ValueError(f"DATA_HELPERS_CODECS is {choice!r}; expected 'zarrs' or 'zarr-python'")
    return choice == "zarrs" and find_spec("zarrs") is not None
