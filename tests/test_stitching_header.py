"""The fast way to read a header: it says what tifffile says, or leaves the file to tifffile."""

import io
import struct
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from data_helpers.stitching import open_tiff
from data_helpers.stitching.header import PlainHeader, plain_header

KINDS = ["u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8"]


def header_of(data: bytes) -> PlainHeader | None:
    """What the fast way says of a file's bytes."""
    return plain_header(io.BytesIO(data), len(data))  # type: ignore[arg-type]


def written(values: Any, **options: Any) -> bytes:
    """A TIFF's bytes, as tifffile writes them."""
    file = io.BytesIO()
    tifffile.imwrite(file, values, **{"photometric": "minisblack", **options})
    return file.getvalue()


def moved_to_the_end(data: bytes) -> bytes:
    """The same TIFF with its directory after the pixels, where libtiff puts it."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack(order + "I", data[4:8])
    (count,) = struct.unpack(order + "H", data[start : start + 2])
    directory = data[start : start + 2 + 12 * count + 4]
    return data[:4] + struct.pack(order + "I", len(data)) + data[8:] + directory


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    dtype=st.sampled_from(KINDS),
    byteorder=st.sampled_from("<>"),
    rows=st.none() | st.integers(1, 40),
    described=st.booleans(),
    at_the_end=st.booleans(),
)
def test_of_a_plain_tiff_it_says_what_tifffile_says(
    shape: tuple[int, int],
    dtype: str,
    byteorder: str,
    rows: int | None,
    described: bool,
    at_the_end: bool,
) -> None:
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    options = {} if described else {"metadata": None}
    data = written(values, byteorder=byteorder, rowsperstrip=rows, **options)
    data = moved_to_the_end(data) if at_the_end else data
    found = header_of(data)
    assert found is not None
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        (series,) = tif.series
        assert found.shape == series.shape
        assert found.stored_dtype == series.dtype.newbyteorder(tif.byteorder)
        assert found.offset == series.dataoffset
    pixels = np.frombuffer(data, found.stored_dtype, values.size, found.offset)
    assert np.array_equal(pixels.reshape(found.shape), values)


PLANE = np.arange(48 * 64, dtype="u2").reshape(48, 64)
UNUSUAL = {
    "BigTIFF": written(PLANE, bigtiff=True),
    "two pages": written(np.stack([PLANE, PLANE]), metadata=None),
    "two pages in one description": written(np.stack([PLANE, PLANE])),
    "one plane of a stack": written(PLANE[np.newaxis]),
    "colour": written(np.stack([PLANE] * 3, -1), photometric="rgb"),
    "white is zero": written(PLANE, photometric="miniswhite"),
    "compressed": written(PLANE, compression="zlib"),
    "predicted": written(PLANE, compression="zlib", predictor=True),
    "tiled": written(PLANE, tile=(16, 16)),
    "described": written(PLANE, description="a plane", metadata=None),
    "ImageJ": written(PLANE, imagej=True),
    "OME": written(PLANE, ome=True),
    "complex": written(PLANE.astype("c8")),
    "one bit": written(PLANE > 9),
    "a private tag": written(PLANE, extratags=[(65000, 3, 1, 7, True)]),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_is_left_to_tifffile(name: str) -> None:
    assert header_of(UNUSUAL[name]) is None


def test_strips_that_lie_apart_are_left_to_tifffile() -> None:
    data = bytearray(written(PLANE, rowsperstrip=12, metadata=None))
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        at, (a, b, c, d) = tif.pages.first.tags[273].valueoffset, tif.pages.first.dataoffsets
    data[at : at + 16] = struct.pack("<IIII", a, c, b, d)
    assert header_of(bytes(data)) is None


@pytest.mark.parametrize("count", [PLANE.nbytes - 1, PLANE.nbytes // 2])
def test_strips_of_another_size_than_the_plane_are_left_to_tifffile(count: int) -> None:
    data = bytearray(written(PLANE, metadata=None))
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        at = tif.pages.first.tags[279].valueoffset
    data[at : at + 4] = struct.pack("<I", count)
    assert header_of(bytes(data)) is None


@given(length=st.integers(0, 4096), at_the_end=st.booleans())
def test_a_file_cut_short_anywhere_is_left_to_tifffile(length: int, at_the_end: bool) -> None:
    data = written(PLANE[:40, :40], rowsperstrip=10)
    data = moved_to_the_end(data) if at_the_end else data
    assert header_of(data[: min(length, len(data) - 1)]) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        written(PLANE),
        written(PLANE, metadata=None, rowsperstrip=16, byteorder=">"),
        moved_to_the_end(written(PLANE, metadata=None)),
    ],
    ids=["described", "strips", "at the end"],
)
def test_no_flipped_bit_makes_it_say_what_tifffile_would_not(data: bytes) -> None:
    intact = header_of(data)
    assert intact is not None
    pixels = range(intact.offset, intact.offset + PLANE.nbytes)
    for at, bit in product(set(range(len(data))) - set(pixels), range(8)):
        flipped = bytearray(data)
        flipped[at] ^= 1 << bit
        found = header_of(bytes(flipped))
        if found is None:
            continue  # else the bit was one of a date, of a resolution, of padding
        with tifffile.TiffFile(io.BytesIO(flipped)) as tif:
            (series,) = tif.series
            assert (found.shape, found.offset) == (series.shape, series.dataoffset)
            assert found.stored_dtype == series.dtype.newbyteorder(tif.byteorder)


def test_plain_tiffs_are_opened_without_tifffile(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tile.tif"
        path.write_bytes(written(PLANE))
        expected = tifffile.imread(path)
        monkeypatch.delattr(tifffile, "TiffFile")
        tile = open_tiff(path)
        assert (tile.shape, tile.dtype) == (PLANE.shape, PLANE.dtype)
        assert np.array_equal(tile[:, 3:9], expected[:, 3:9])
