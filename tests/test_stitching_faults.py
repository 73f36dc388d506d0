"""Each fault of a tile gives an error that names it, and leaves nothing half-written."""

import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from data_helpers.jobs import ChunkError
from data_helpers.phantoms import make_tiles
from data_helpers.phantoms.tiles import FAULTS as FAULT_NAMES
from data_helpers.stitching import (
    TileError,
    lazy_stitch,
    open_tiff,
    stitched_view,
    tiles_to_zarr,
)

PATTERN, AXES = "c{c:d}_x{x:d}.tif", ("c", "z", "y", "x")
BAD = "c1_x10.tif"


@pytest.fixture(params=["uncompressed", "compressed"])
def tiles(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory of two channels of three tiles of 3 x 20 x 10 pixels, numbered 0, 10, 20."""
    directory = tmp_path / "tiles"
    directory.mkdir()
    noise = np.random.default_rng(0).integers(0, 4096, (3, 20, 10), dtype="uint16")
    how = {"compression": "zlib"} if request.param == "compressed" else {}
    for c in range(2):
        for x in (0, 10, 20):
            write(directory / f"c{c}_x{x}.tif", noise + np.uint16(c), **how)
    return directory


def write(path: Path, tile: NDArray[Any], **how: Any) -> None:
    tifffile.imwrite(path, tile, photometric="minisblack", **how)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def cut_in_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def fewer_planes(path: Path) -> None:
    write(path, tifffile.imread(path)[:2])


def other_dtype(path: Path) -> None:
    write(path, tifffile.imread(path).astype("uint8"))


def fewer_axes(path: Path) -> None:
    write(path, tifffile.imread(path)[0])


def several_images(path: Path) -> None:
    with tifffile.TiffWriter(path) as tif:
        tif.write(np.zeros((3, 20, 10), "u2"), photometric="minisblack")
        tif.write(np.zeros((5, 5), "u1"), photometric="minisblack")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_tiff(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.tif")


FAULTS: dict[Callable[[Path], None], list[str]] = {
    cut_short: ["the file ends after ", "expected at least ", "cut short"],
    cut_in_the_header: ["expected"],
    fewer_planes: ["found (2, 20, 10) uint16, expected (3, 20, 10) uint16"],
    other_dtype: ["found (3, 20, 10) uint8, expected (3, 20, 10) uint16"],
    fewer_axes: ["found (20, 10) uint16, expected (3, 20, 10) uint16"],
    several_images: ["holds 2 images ((3, 20, 10) uint16, (5, 5) uint8); expected one"],
    empty: ["the file is empty; expected a TIFF"],
    no_tiff: ["not a TIFF file", "expected a TIFF (reader=... reads others)"],
    a_directory: ["cannot be opened (Is a directory)"],
    a_dangling_link: ["cannot be opened (No such file or directory)"],
}


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.__name__)
def fault(request: pytest.FixtureRequest, tiles: Path) -> list[str]:
    """One tile is spoilt; what the error must say."""
    request.param(tiles / BAD)
    return [str(tiles / BAD), *FAULTS[request.param]]


def check(error: BaseException, words: list[str]) -> None:
    for word in words:
        assert word in str(error)


def test_a_faulty_tile_is_named_when_it_is_read(tiles: Path, fault: list[str]) -> None:
    lazy = lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES)
    with pytest.raises(TileError) as error:
        lazy.compute(scheduler="sync")
    check(error.value, fault)
    assert error.value.path == str(tiles / BAD)


def test_the_other_tiles_can_still_be_read(tiles: Path, fault: list[str]) -> None:
    view = stitched_view(tiles.glob("*.tif"), PATTERN, AXES)
    assert view[0].shape == (3, 20, 30)
    assert view[..., :10].shape == (2, 3, 20, 10)
    with pytest.raises(TileError) as error:
        view[1, 0, 0, 15]
    check(error.value, fault)


def test_a_faulty_tile_is_named_before_anything_is_read_when_all_are_verified(
    tiles: Path, fault: list[str]
) -> None:
    with pytest.raises(TileError) as error:
        lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES, verify=True)
    check(error.value, fault)


@pytest.mark.parametrize("verify", [True, False])
def test_a_faulty_tile_leaves_no_half_written_array(
    tiles: Path, tmp_path: Path, fault: list[str], verify: bool
) -> None:
    with pytest.raises(TileError if verify else ChunkError) as error:
        tiles_to_zarr(
            tiles.glob("*.tif"), PATTERN, AXES, tmp_path / "out.zarr", n_jobs=2, verify=verify
        )
    check(error.value, fault)
    assert [path.name for path in tmp_path.iterdir()] == ["tiles"]


def test_a_faulty_first_tile_is_blamed_and_not_all_the_others(tiles: Path) -> None:
    for c, x in ((0, 0), (1, 20)):
        other_dtype(tiles / f"c{c}_x{x}.tif")
    with pytest.raises(TileError) as error:
        lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES, verify=True)
    text = str(error.value)
    assert text.startswith("2 tiles are not what they should be:")
    assert text.count("found (3, 20, 10) uint8, expected (3, 20, 10) uint16") == 2
    assert "c0_x0.tif" in text
    assert "c1_x20.tif" in text


def test_all_faulty_tiles_are_named_at_once(tiles: Path) -> None:
    empty(tiles / "c0_x10.tif")
    fewer_planes(tiles / "c1_x0.tif")
    no_tiff(tiles / "c1_x20.tif")
    with pytest.raises(TileError) as error:
        lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES, verify=True)
    assert [Path(e.path).name for e in (error.value, *error.value.others)] == [
        "c0_x10.tif",
        "c1_x0.tif",
        "c1_x20.tif",
    ]


def test_when_no_tile_can_be_opened_all_are_named(tiles: Path) -> None:
    for path in tiles.glob("*.tif"):
        empty(path)
    with pytest.raises(TileError, match="6 tiles are not what they should be"):
        lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES, verify=True)
    with pytest.raises(TileError, match=r"c0_x0\.tif: the file is empty"):
        lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES)


def test_missing_tiles_are_all_named_before_anything_is_written(
    tiles: Path, tmp_path: Path
) -> None:
    (tiles / BAD).unlink()
    (tiles / "c0_x20.tif").unlink()
    for attempt in (
        lambda: lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES),
        lambda: tiles_to_zarr(tiles.glob("*.tif"), PATTERN, AXES, tmp_path / "out.zarr"),
    ):
        with pytest.raises(FileNotFoundError) as error:
            attempt()
        check(error.value, ["2 of 6 tiles are missing", "  c0_x20.tif\n  c1_x10.tif", "missing=0"])
    assert not (tmp_path / "out.zarr").exists()


def test_duplicates_are_named_before_anything_is_written(tiles: Path, tmp_path: Path) -> None:
    (tiles / "c01_x10.tif").write_bytes((tiles / BAD).read_bytes())
    with pytest.raises(ValueError, match="1 place has more than one tile") as error:
        tiles_to_zarr(tiles.glob("*.tif"), PATTERN, AXES, tmp_path / "out.zarr")
    check(error.value, [str(tiles / BAD), str(tiles / "c01_x10.tif"), "c=1, x=10"])
    assert not (tmp_path / "out.zarr").exists()


def test_smaller_tiles_at_the_edge_need_verify_and_then_are_taken(tiles: Path) -> None:
    for c in range(2):
        tile = tifffile.imread(tiles / f"c{c}_x20.tif")
        write(tiles / f"c{c}_x20.tif", np.ascontiguousarray(tile[..., :4]))
    with pytest.raises(TileError, match="if tiles at the edge are smaller, verify=True allows"):
        lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES).compute(scheduler="sync")
    lazy = lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES, verify=True)
    assert lazy.chunks == ((1, 1), (3,), (20,), (10, 10, 4))
    assert lazy.compute(scheduler="sync").shape == lazy.shape


def test_a_short_tile_that_no_neighbour_gives_away_is_warned_of(tmp_path: Path) -> None:
    for z, planes in enumerate((4, 3, 4, 4)):
        write(tmp_path / f"z{z}.tif", np.zeros((planes, 5, 6), "uint16"))
    with pytest.warns(UserWarning, match=r"axis 'z' most tiles are 4 long.*\n.*z1\.tif \(3\)\n"):
        lazy = lazy_stitch(tmp_path.glob("*.tif"), "z{z:d}.tif", "zyx", verify=True)
    assert lazy.chunks[0] == (4, 3, 4, 4)
    (tmp_path / "z2.tif").rename(tmp_path / "z5.tif")
    (tmp_path / "z1.tif").rename(tmp_path / "z6.tif")
    lazy_stitch(
        tmp_path.glob("*.tif"), "z{z:d}.tif", "zyx", verify=True, expected={"z": (0, 3, 5, 6)}
    )


def test_a_short_tile_of_one_axis_is_warned_of_as_well(tmp_path: Path) -> None:
    def length(path: str) -> NDArray[np.uint8]:
        return np.zeros(int(Path(path).read_text()), "u1")

    for x, size in enumerate((1, 2, 2)):
        (tmp_path / f"x{x}.txt").write_text(str(size))
    with pytest.warns(UserWarning, match=r"most tiles are 2 long.*\n.*x0\.txt \(1\)\n"):
        lazy = lazy_stitch(tmp_path.glob("*"), "x{x:d}.txt", "x", reader=length, verify=True)
    assert lazy.chunks == ((1, 2, 2),)


def test_a_tile_that_is_smaller_than_its_column_is_named(tiles: Path) -> None:
    tile = tifffile.imread(tiles / "c1_x20.tif")
    write(tiles / "c1_x20.tif", np.ascontiguousarray(tile[..., :4]))
    with pytest.raises(TileError, match=r"c1_x20\.tif: found \(3, 20, 4\)"):
        lazy_stitch(tiles.glob("*.tif"), PATTERN, AXES, verify=True)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Be an ordinary user, for whom permissions count, if this is the superuser."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


MADE = (
    "ex6-2_CamA_ch{channel:d}_CAM1_stack{stack:d}_{}nm_{}msec_{}msecAbs_{x:d}x_{y:d}y_{}z_{}t.tif"
)
MADE_AXES = ("channel", "stack", "z", "y", "x")
MADE_FAULTS: dict[str, tuple[type[Exception], str]] = {
    "missing": (FileNotFoundError, "1 of 24 tiles are missing"),
    "duplicate": (ValueError, "1 place has more than one tile"),
    "short": (TileError, "found (7, 48, 64) uint16, expected (8, 48, 64) uint16"),
    "wrong_dtype": (TileError, "found (8, 48, 64) float32, expected (8, 48, 64) uint16"),
    "empty": (TileError, "the file is empty"),
    "not_tiff": (TileError, "not a TIFF file"),
    "no_permission": (TileError, "cannot be opened (Permission denied)"),
    "corrupt": (ChunkError, "the pixels cannot be read"),
}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder for any user: pytest's are closed to all but the one who runs the tests."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.slow
def test_sound_tiles_of_the_phantom_come_back_whole(open_folder: Path) -> None:
    image = np.random.default_rng(0).integers(0, 999, (2, 3, 4, 11, 13), dtype="uint16")
    paths = make_tiles(open_folder / "tiles", image=image, grid=(1, 3, 2))
    array = tiles_to_zarr(reversed(paths), MADE, MADE_AXES, open_folder / "out.zarr", n_jobs=2)
    np.testing.assert_array_equal(array[...], image)
    assert array.metadata.dimension_names == MADE_AXES


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX systems")
@pytest.mark.parametrize("fault", FAULT_NAMES)
def test_each_fault_of_a_directory_has_its_error_and_leaves_nothing_half_written(
    open_folder: Path, fault: str
) -> None:
    kind, words = MADE_FAULTS[fault]
    sound = make_tiles(open_folder / "sound")
    paths = make_tiles(open_folder / "tiles", faults={fault: 7})
    for path in paths:
        if path.stat().st_mode & 0o400:
            path.chmod(0o644)
    (open_folder / "tiles").chmod(0o755)
    with without_privileges(), pytest.raises(kind) as error:
        tiles_to_zarr(paths, MADE, MADE_AXES, open_folder / "out.zarr", n_jobs=2)
    check(error.value, [words, "*" if fault == "missing" else sound[7].name])
    assert sorted(path.name for path in open_folder.iterdir()) == ["sound", "tiles"]


def test_all_faulty_tiles_of_a_directory_are_named_at_once(open_folder: Path) -> None:
    faults = {"short": 2, "wrong_dtype": 5, "empty": 9, "not_tiff": 20}
    paths = make_tiles(open_folder, faults=faults)
    with pytest.raises(TileError) as error:
        lazy_stitch(paths, MADE, MADE_AXES, verify=True)
    check(error.value, [str(paths[number]) for number in faults.values()])
    assert len(error.value.others) == 3


# Only compression can tell: uncompressed pixels are right whatever they are.
@pytest.mark.parametrize("tiles", ["compressed"], indirect=True)
def test_damaged_pixels_under_a_sound_header_are_named(tiles: Path) -> None:
    path = tiles / BAD
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[0]
        start, length = page.dataoffsets[0], page.databytecounts[0]
    data = bytearray(path.read_bytes())
    data[start : start + length] = bytes(length)
    path.write_bytes(data)
    view = stitched_view(tiles.glob("*.tif"), PATTERN, AXES, verify=True)
    for index in (np.s_[1, :, :, 10:20], np.s_[1, 0, 0, 15]):
        with pytest.raises(TileError, match=r"c1_x10\.tif: the pixels cannot be read"):
            view[index]


@pytest.mark.parametrize(
    "how", [{}, {"compression": "zlib"}, {"bigtiff": True}, {"rowsperstrip": 2}], ids=str
)
def test_a_file_cut_short_anywhere_never_gives_wrong_pixels(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    path = tmp_path / "t0.tif"
    tile = np.random.default_rng(0).integers(1, 60000, (3, 6, 5), dtype="uint16")
    write(path, tile, **how)
    data = path.read_bytes()
    refused = 0
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        try:
            cut = open_tiff(path)
        except TileError:
            refused += 1
        else:  # what was lost at the very end is no pixel, such as the name of some software
            np.testing.assert_array_equal(cut[0:3, 0:6, 0:5], tile)
    assert refused > 0.9 * len(data) / 7


def test_a_reader_that_fails_or_lies_is_named_with_its_file() -> None:
    def failing(path: str) -> NDArray[Any]:
        raise KeyError(path)

    with pytest.raises(TileError, match=r"t0\.tif: the reader failed \(KeyError"):
        lazy_stitch(["t0.tif"], "t{t:d}.tif", "tyx", reader=failing)

    class Lying:
        shape, dtype = (4, 4), np.dtype("u1")

        def __getitem__(self, index: Any) -> NDArray[Any]:
            return np.zeros((4, 3), "u1")

    lazy = lazy_stitch(["t0.tif"], "t{t:d}.tif", "tyx", reader=lambda _: Lying())
    with pytest.raises(TileError, match=r"t0\.tif: reading gave shape \(4, 3\); expected \(4, 4\)"):
        lazy.compute(scheduler="sync")


def test_the_error_survives_the_trip_between_processes() -> None:
    error = TileError("a.tif", "found 1, expected 2", (TileError("b.tif", "found 3, expected 4"),))
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert (copy.path, copy.problem, copy.others[0].path) == ("a.tif", error.problem, "b.tif")


def test_opening_a_tile_alone_names_it_too(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").touch()
    with pytest.raises(TileError, match=r"empty\.tif: the file is empty"):
        open_tiff(tmp_path / "empty.tif")
