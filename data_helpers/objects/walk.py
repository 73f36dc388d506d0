"""Ask every chunk of one or more images a question: the answers, one per chunk, come to memory."""

from collections.abc import Callable, Sequence
from functools import partial
from math import lcm, prod
from typing import Any, TypeVar

import dask.array as da
import joblib
import numpy as np
from dask.base import tokenize
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph

from data_helpers.grid import Chunks, Index, chunk_slices
from data_helpers.jobs import check_same_shape, fast_to_read
from data_helpers.jobs.run import Workers

__all__ = ["ask_chunks"]

Answer = TypeVar("Answer")

_PLANES = 2**22  # voxels of an image in memory to look at together, at least one plane
_TOGETHER = 2**25  # voxels of a region that holds whole chunks of several images, at most


def ask_chunks(
    question: Callable[..., Answer], images: Sequence[Any], workers: Workers
) -> list[Answer]:
    """Apply a function to every chunk.

    Parameters
    ----------
    question
        Takes the place of a block in the image (one start per axis) and one block of each image.
    images
        NumPy, Zarr or Dask, of one shape. With a Dask image among them Dask computes the answers,
        and all Dask images must have the same chunks. Else regions are read that hold whole chunks
        of all images, or the first image's chunks where those would be too large.
    workers
        Who does the work, except for Dask.

    Returns
    -------
    list
        One answer per chunk or region, in no particular order; one for an image without voxels.

    Raises
    ------
    ValueError
        If shapes differ, or chunks of Dask images do or are unknown.

    Examples
    --------
    >>> image = np.array([[1, 2], [3, 4]])
    >>> ask_chunks(lambda origin, block: int(block.sum()), [image], Workers(1))
    [10]
    """
    for image in images[1:]:
        check_same_shape(images[0], image)
    if any(isinstance(image, da.Array) for image in images):
        return _ask_dask(question, images)
    answers: list[Answer] = []
    ask = _Ask(question, [fast_to_read(image) for image in images])
    shape = images[0].shape
    regions = list(chunk_slices(shape, _regions(images))) or [tuple(slice(0, n) for n in shape)]
    jobs = [joblib.delayed(ask)(region) for region in regions]
    workers.run(jobs, lambda _number, answer: answers.append(answer))
    return answers


class _Ask:
    """Read one region of every image, and apply the function."""

    def __init__(self, question: Callable[..., Any], images: Sequence[Any]) -> None:
        self.question = question
        self.images = images

    def __call__(self, index: Index) -> Any:
        """Give the answer of one region."""
        blocks = [np.asarray(image[index]) for image in self.images]
        return self.question([part.start for part in index], *blocks)


def _regions(images: Sequence[Any]) -> Chunks:
    """Choose what to read at a time: whole chunks of all images, or some planes without chunks."""
    image = images[0]
    cut = [i.chunks for i in images if getattr(i, "chunks", None) is not None]
    if cut:
        together = tuple(
            min(lcm(*sizes), max(length, 1))
            for *sizes, length in zip(*cut, image.shape, strict=True)
        )
        return together if prod(together) <= _TOGETHER else cut[0]
    plane = max(int(np.prod(image.shape[1:])), 1)
    return (max(1, _PLANES // plane), *(max(length, 1) for length in image.shape[1:]))


def _ask_dask(question: Callable[..., Answer], images: Sequence[Any]) -> list[Answer]:
    """Ask in one Dask graph, a task per chunk."""
    lazy = _all_lazy(images)
    if any(length != length for length in lazy[0].shape):  # only NaN, an unknown length in Dask
        raise ValueError(
            f"the shape {lazy[0].shape} is not known yet; call compute_chunk_sizes() on the Dask "
            "array first"
        )
    name = "ask-" + tokenize(question, [image.name for image in lazy])
    graph: dict[Any, Any] = {}
    for block in np.ndindex(*lazy[0].numblocks):
        origin = [sum(sizes[:at]) for sizes, at in zip(lazy[0].chunks, block, strict=True)]
        keys = [(image.name, *block) for image in lazy]
        graph[name, *block] = (partial(question, origin), *keys)
    graph[name] = (list, list(graph))
    layers = HighLevelGraph.from_collections(name, graph, dependencies=lazy)
    answers: list[Answer] = Delayed(name, layers, layer=name).compute()  # type: ignore[no-untyped-call]
    return answers


def _all_lazy(images: Sequence[Any]) -> list[Any]:
    """Cut other images as the Dask images are cut; refuse Dask images that are cut differently."""
    chunks = next(image.chunks for image in images if isinstance(image, da.Array))
    other = [i.chunks for i in images if isinstance(i, da.Array) and i.chunks != chunks]
    if other:
        raise ValueError(
            f"the images have chunks {chunks} and {other[0]}; expected the same chunks, so that no "
            "chunk is read several times: rechunk one of them, or store it in the chunks you want"
        )
    return [
        image if isinstance(image, da.Array) else da.from_array(image, chunks=chunks)  # type: ignore[no-untyped-call]
        for image in images
    ]
