"""Dask operations on more than one process, and on more than the memory they may use."""

from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.ndimage as ndi
from memory import peak_of

from data_helpers.dask_operations import (
    edge_map,
    gaussian_filter,
    normalize_intensity,
    otsu_threshold,
    richardson_lucy,
    segment,
)

# 134 MB in chunks of half a megabyte, four of them in a plane; the results are up to 268 MB.
LONG_IMAGE = """
import dask, tempfile
import numpy as np
import dask.array as da
import zarr
from data_helpers.dask_operations import gaussian_filter, normalize_intensity

dask.config.set(scheduler="threads", num_workers=2)
folder = tempfile.TemporaryDirectory()
block = (np.arange(64**3) % 251 * 100).astype("u2").reshape(64, 64, 64)
image = zarr.create_array(
    folder.name + "/image", shape=(4096, 128, 128), chunks=(64,) * 3, dtype="u2"
)
for at in range(0, 4096, 64):
    image[at:at + 64] = np.tile(block, (1, 2, 2)) + at
x = da.from_zarr(image)
operation = {operation}
result = operation(x)
target = zarr.create_array(
    folder.name + "/result", shape=x.shape, chunks=(64,) * 3, dtype=result.dtype
)
operation(x[:64]).compute()
start()
da.store(result, target, lock=False)
report(image.nbytes, str(target[-1, -1, -1]))
folder.cleanup()
"""
OPERATIONS = {
    "normalize": "normalize_intensity",
    "normalize floats": "lambda x: normalize_intensity(x.astype('f4'))",
    "gaussian": "lambda x: gaussian_filter(x, 1)",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_memory_is_that_of_some_chunks_and_not_of_the_image(name: str) -> None:
    peak, (size, _) = peak_of(LONG_IMAGE.replace("{operation}", OPERATIONS[name]))
    assert size == 134_217_728
    assert peak < 50e6, f"{peak / 1e6:.0f} MB"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the cluster's own machinery
def test_a_cluster_of_processes_gives_the_same() -> None:
    pytest.importorskip("distributed")
    from dask.distributed import Client, LocalCluster

    rng = np.random.default_rng(0)
    image = (ndi.gaussian_filter(rng.random((60, 70)), 2) * 1000).astype("u2")

    def results(x: da.Array) -> Any:
        return dask.compute(
            gaussian_filter(x, 2, mode="mirror"),
            normalize_intensity(x),
            normalize_intensity(x.astype("f4"), limits=(x.min(), x.max())),
            otsu_threshold(x.astype("f4")),
            edge_map(x, sigma=1, low=5, high=20),
            segment(x, min_size=20),
            richardson_lucy(x, np.ones((3, 3)), 3),
        )

    x = da.from_array(image, chunks=(17, 70))
    expected = results(x)
    settings: dict[str, Any] = {"host": "127.0.0.1", "dashboard_address": None}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **settings) as cluster,
        Client(cluster),
    ):
        from_graph, from_memory = results(x), results(x.persist())
    for found in (from_graph, from_memory):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
