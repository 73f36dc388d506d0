"""Tiles to Zarr: the same values, a few tiles in memory, nothing half-written, and going on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from memory import peak_of
from numpy.typing import NDArray
from strategies import chunks_for
from tiles import CutImage, cut_images

from data_helpers.jobs import ChunkError, verify
from data_helpers.stitching import TileError, tiles_to_zarr
from data_helpers.stitching.to_zarr import _region

PATTERN, AXES = "c{c:d}_x{x:d}.tif", ("c", "y", "x")


def write_tiles(directory: Path, **how: Any) -> NDArray[Any]:
    """Two channels of four tiles of 8 x 8 side by side; give the whole."""
    directory.mkdir(exist_ok=True)
    whole = np.random.default_rng(0).integers(0, 60000, (2, 8, 32), dtype="uint16")
    for c in range(2):
        for x in range(0, 32, 8):
            tifffile.imwrite(directory / f"c{c}_x{x}.tif", whole[c, :, x : x + 8], **how)
    return whole


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:along axis")  # any cut is meant here
@settings(deadline=None)
@given(cut_images(), st.data())
def test_any_grid_of_tiles_becomes_the_image_they_were_cut_from(
    cut: CutImage, data: st.DataObject
) -> None:
    chunks = data.draw(st.none() | chunks_for(cut.image.shape))
    array = tiles_to_zarr(
        cut.order,
        cut.pattern,
        cut.axes,
        {},
        chunks=chunks,
        n_jobs=data.draw(st.sampled_from([1, 2])),
        reader=cut.reader,
        expected=cut.values,
    )
    np.testing.assert_array_equal(array[...], cut.image)
    assert array.dtype == cut.image.dtype
    assert array.chunks == (chunks or tuple(map(max, cut.chunks)))


def test_the_array_names_its_axes_and_has_checksums_and_no_gaps(tmp_path: Path) -> None:
    whole = write_tiles(tmp_path / "tiles", compression="zlib")
    paths = (tmp_path / "tiles").glob("*.tif")
    array = tiles_to_zarr(paths, PATTERN, AXES, tmp_path / "out.zarr", n_jobs=2)
    again = zarr.open_array(tmp_path / "out.zarr", mode="r")
    np.testing.assert_array_equal(again[...], whole)
    assert again.metadata.dimension_names == AXES
    assert array.chunks == (1, 8, 8)
    assert "checksum=True" in repr(again.compressors)
    assert not verify(again).missing


def test_missing_tiles_are_filled_when_asked(tmp_path: Path) -> None:
    whole = write_tiles(tmp_path)
    (tmp_path / "c1_x8.tif").unlink()
    array = tiles_to_zarr(tmp_path.glob("*.tif"), PATTERN, AXES, {}, missing=5)
    whole[1, :, 8:16] = 5
    np.testing.assert_array_equal(array[...], whole)


@pytest.mark.parametrize(
    ("chunks", "region"),
    [
        ((1, 8, 8), (1, 8, 8)),
        ((1, 4, 3), (1, 8, 6)),
        ((2, 8, 20), (2, 8, 20)),
        ((1, 8, 5), (1, 8, 5)),
        ((1, 1, 1), (1, 8, 8)),
    ],
)
def test_a_region_is_as_many_chunks_as_make_up_about_one_tile(
    chunks: tuple[int, ...], region: tuple[int, ...]
) -> None:
    class View:
        chunks = ((1, 1), (8,), (8, 8, 8, 8))

    assert _region(View(), chunks) == region  # type: ignore[arg-type]


def test_each_tile_is_read_once_where_chunks_divide_tiles(tmp_path: Path) -> None:
    reads = []

    class Counting:
        shape, dtype = (8, 8), np.dtype("u2")

        def __getitem__(self, index: Any) -> NDArray[Any]:
            reads.append(index)
            return np.zeros((8, 8), "u2")[index]

    names = [f"c{c}_x{x}.tif" for c in range(2) for x in range(3)]
    tiles_to_zarr(names, PATTERN, AXES, {}, chunks=(1, 4, 2), reader=lambda _: Counting())
    assert len(reads) == len(names)


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    write_tiles(tmp_path / "tiles")
    paths = list((tmp_path / "tiles").glob("*.tif"))
    before = {path: path.read_bytes() for path in paths}
    (tmp_path / "file").write_text("mine")
    tiles_to_zarr(paths, PATTERN, AXES, tmp_path / "out.zarr")
    for taken in (tmp_path / "tiles", tmp_path / "file", tmp_path / "out.zarr"):
        with pytest.raises(FileExistsError, match="expected a path that does not exist yet"):
            tiles_to_zarr(paths, PATTERN, AXES, taken)
    store = zarr.storage.MemoryStore()
    tiles_to_zarr(paths, PATTERN, AXES, store)
    with pytest.raises(FileExistsError):
        tiles_to_zarr(paths, PATTERN, AXES, store)
    assert {path: path.read_bytes() for path in (tmp_path / "tiles").glob("*")} == before
    assert (tmp_path / "file").read_text() == "mine"


def test_a_bad_tile_is_named_before_anything_is_written(tmp_path: Path) -> None:
    write_tiles(tmp_path / "tiles")
    tifffile.imwrite(tmp_path / "tiles" / "c1_x24.tif", np.zeros((8, 7), "u2"))
    with pytest.raises(TileError, match=r"c1_x24.tif: found \(8, 7\) uint16, expected \(8, 8\)"):
        tiles_to_zarr((tmp_path / "tiles").glob("*.tif"), PATTERN, AXES, tmp_path / "out.zarr")
    assert not (tmp_path / "out.zarr").exists()


def break_pixels(path: Path) -> None:
    """Damage the compressed pixels of a TIFF, so that its header is still sound."""
    with tifffile.TiffFile(path) as tif:
        start, length = tif.pages[0].dataoffsets[0], tif.pages[0].databytecounts[0]
    data = bytearray(path.read_bytes())
    data[start : start + length] = bytes(length)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["path", "store"])
def test_damaged_pixels_name_the_file_and_leave_nothing_half_written(
    tmp_path: Path, kind: str
) -> None:
    write_tiles(tmp_path / "tiles", compression="zlib")
    break_pixels(tmp_path / "tiles" / "c1_x8.tif")
    memory: dict[str, Any] = {}
    store = tmp_path / "out.zarr" if kind == "path" else zarr.storage.MemoryStore(memory)
    with pytest.raises(ChunkError, match=r"c1_x8.tif: the pixels cannot be read") as error:
        tiles_to_zarr((tmp_path / "tiles").glob("*.tif"), PATTERN, AXES, store, n_jobs=2)
    assert isinstance(error.value.cause, TileError)
    assert not (tmp_path / "out.zarr").exists()
    assert not memory


def test_a_manifest_lets_a_run_go_on_after_the_tile_is_mended(tmp_path: Path) -> None:
    tiles, out, manifest = tmp_path / "tiles", tmp_path / "out.zarr", tmp_path / "done.jsonl"
    whole = write_tiles(tiles, compression="zlib")
    good = (tiles / "c1_x8.tif").read_bytes()
    stamp = (tiles / "c1_x8.tif").stat()
    reads: list[str] = []

    def reader(path: str) -> NDArray[Any]:
        reads.append(Path(path).name)
        return tifffile.imread(path)

    def run() -> zarr.Array[Any]:
        paths = tiles.glob("*.tif")
        return tiles_to_zarr(
            paths, PATTERN, AXES, out, n_jobs=1, manifest=manifest, reader=reader, verify=False
        )

    break_pixels(tiles / "c1_x8.tif")
    os.utime(tiles / "c1_x8.tif", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(ChunkError, match=r"c1_x8\.tif"):
        run()
    (tiles / "c1_x8.tif").write_bytes(good)
    os.utime(tiles / "c1_x8.tif", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    reads.clear()
    np.testing.assert_array_equal(run()[...], whole)
    assert "c0_x24.tif" not in reads
    assert "c1_x8.tif" in reads
    assert json.loads(manifest.read_text().splitlines()[-1]) == {"finished": True}


def test_a_manifest_of_other_tiles_is_refused(tmp_path: Path) -> None:
    tiles, out, manifest = tmp_path / "tiles", tmp_path / "out.zarr", tmp_path / "done.jsonl"
    write_tiles(tiles)
    tiles_to_zarr(tiles.glob("*.tif"), PATTERN, AXES, out, manifest=manifest)
    tifffile.imwrite(tiles / "c0_x0.tif", np.zeros((8, 8), "u2"), software="newer")
    with pytest.raises(ValueError, match="belongs to other work"):
        tiles_to_zarr(tiles.glob("*.tif"), PATTERN, AXES, out, manifest=manifest)
    with pytest.raises(ValueError, match="to go on from the manifest"):
        tiles_to_zarr(tiles.glob("*.tif"), PATTERN, AXES, out, manifest=manifest, chunks=(1, 4, 4))


KILLED = """
import sys, time, tifffile
from pathlib import Path
from data_helpers.stitching import tiles_to_zarr

def slow(path):
    while Path(path).name == "c0_x24.tif" and Path(path).with_name("hold").exists():
        time.sleep(0.01)
    return tifffile.imread(path)

tiles, out, manifest = sys.argv[1:]
tiles_to_zarr(sorted(Path(tiles).glob("*.tif")), "c{c:d}_x{x:d}.tif", ("c", "y", "x"), out,
              n_jobs=1, manifest=manifest, reader=slow, verify=False)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    tiles, out, manifest = tmp_path / "tiles", tmp_path / "out.zarr", tmp_path / "done.jsonl"
    whole = write_tiles(tiles)
    (tiles / "hold").touch()
    command = [sys.executable, "-c", KILLED, str(tiles), str(out), str(manifest)]
    process = subprocess.Popen(command)
    while not manifest.exists() or manifest.read_text().count("done") < 3:
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert manifest.read_text().count("done") == 3
    (tiles / "hold").unlink()
    subprocess.run(command, check=True)
    np.testing.assert_array_equal(zarr.open_array(out, mode="r")[...], whole)
    assert manifest.read_text().count("done") == 8


@pytest.mark.parametrize("chunks", [(1, 8), (1, 8, 0), (1, 8, 8, 8)])
def test_chunks_that_do_not_fit_are_refused(tmp_path: Path, chunks: tuple[int, ...]) -> None:
    write_tiles(tmp_path)
    with pytest.raises(ValueError, match="expected one size of at least 1 per axis"):
        tiles_to_zarr(tmp_path.glob("*.tif"), PATTERN, AXES, {}, chunks=chunks)


@pytest.mark.slow
def test_six_hundred_tiles_of_half_a_megabyte_need_thirty(tmp_path: Path) -> None:
    code = f"""
import numpy as np, tifffile
from data_helpers.stitching import tiles_to_zarr
directory = Path({str(tmp_path)!r})
noise = np.random.default_rng(0).integers(0, 4096, (4, 256, 256), dtype="uint16")
for c in range(3):
    for s in range(200):
        tifffile.imwrite(directory / f"c{{c}}_s{{s}}.tif", noise, photometric="minisblack")

def convert(paths, name):
    return tiles_to_zarr(paths, "c{{c:d}}_s{{s:d}}.tif", ("c", "s", "z", "y", "x"),
                         directory / name, n_jobs=2)

convert(list(directory.glob("c0_s1.tif")), "first.zarr")  # imports, and the threads of zarr
start()
array = convert(directory.glob("*.tif"), "all.zarr")
report(array.shape, array.nbytes)
"""
    peak, (shape, nbytes) = peak_of(code)
    assert shape == [3, 200, 4, 256, 256]
    assert nbytes > 300e6
    assert peak < 30e6, f"{peak / 1e6:.1f} MB"
