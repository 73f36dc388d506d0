"""Connected components across chunks: every result against SciPy on the whole array."""

from typing import Any

import dask
import dask.array as da
import numpy as np
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import irregular_chunks_for, shapes

from data_helpers.components import keep_lazily, label_lazily

Case = tuple[NDArray[np.bool_], tuple[tuple[int, ...], ...], int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A random image of objects, any chunks, any connectivity."""
    shape = draw(shapes(max_dims=4, max_side=7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = rng.random(shape) < draw(st.sampled_from([0.2, 0.4, 0.6, 0.8]))
    chunks = draw(irregular_chunks_for(shape))
    return mask, chunks, draw(st.integers(1, len(shape)))


def label_whole(mask: NDArray[Any], connectivity: int) -> NDArray[np.int32]:
    """The oracle: SciPy, all at once."""
    labels: NDArray[np.int32] = ndi.label(
        mask, ndi.generate_binary_structure(mask.ndim, connectivity)
    )[0]
    return labels


@given(cases())
def test_labels_are_those_of_scipy_whatever_the_chunks(case: Case) -> None:
    mask, chunks, connectivity = case
    lazy = label_lazily(da.from_array(mask, chunks), connectivity)
    with dask.config.set(scheduler="sync"):
        found = lazy.compute()
    assert lazy.chunks == chunks
    assert found.dtype == lazy.dtype == np.int32
    np.testing.assert_array_equal(found, label_whole(mask, connectivity))


@given(cases(), st.integers(1, 9))
def test_what_is_kept_is_what_is_large_in_the_whole_image(case: Case, at_least: int) -> None:
    mask, chunks, connectivity = case
    labels = label_whole(mask, connectivity)
    enough = np.bincount(labels.ravel()) >= at_least
    enough[0] = False
    lazy = keep_lazily(da.from_array(mask, chunks), at_least=at_least, connectivity=connectivity)
    with dask.config.set(scheduler="sync"):
        np.testing.assert_array_equal(lazy.compute(), enough[labels])
