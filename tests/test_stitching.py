"""Names, places, the lazy array and the view; faults, Zarr and overlaps have files of their own."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import indices_in
from tiles import CutImage, cut_images

from data_helpers.stitching import (
    TileError,
    index_tiles,
    lazy_stitch,
    open_tiff,
    parse_tile_name,
    stitched_view,
)

LONG_NAME = (
    "ex6-2_CamA_ch1_CAM1_stack0000_560nm_0000000msec_0001291795msecAbs_000x_000y_000z_0000t.tif"
)
LONG_PATTERN = (
    "{specimen}_{camera}_ch{channel:d}_CAM{}_stack{stack:d}_{wavelength:d}nm_{}msec_"
    "{msec_abs:d}msecAbs_{x:d}x_{y:d}y_{z:d}z_{t:d}t.tif"
)


def caret_position(message: str) -> int:
    """Which character of the name the caret in a message points to."""
    lines = message.splitlines()
    name = next(n for n, line in enumerate(lines) if line.lstrip().startswith("name "))
    return lines[name + 1].index("^") - (len("  name") + 5)


# Names


def test_a_long_name_from_a_microscope_gives_every_field_with_its_type() -> None:
    assert parse_tile_name(LONG_NAME, LONG_PATTERN) == {
        "specimen": "ex6-2",
        "camera": "CamA",
        "channel": 1,
        "stack": 0,
        "wavelength": 560,
        "msec_abs": 1291795,
        "x": 0,
        "y": 0,
        "z": 0,
        "t": 0,
    }


@settings(deadline=None)
@given(
    st.integers(-999, 999999), st.integers(0, 99), st.from_regex(r"[A-Za-z]{1,5}", fullmatch=True)
)
def test_what_a_template_formats_it_parses(t: int, z: int, camera: str) -> None:
    template = "{camera}_t{t:d}_z{z:03d}.tif"
    fields = {"camera": camera, "t": t, "z": z}
    assert parse_tile_name(template.format(**fields), template) == fields


def test_a_regular_expression_with_named_groups_serves_as_well_as_a_template() -> None:
    text = r"t(?P<t>\d+)_(?P<channel>\w+)\.tif"
    for pattern in (
        text,
        re.compile(text),
        re.compile(
            text.upper()
            .replace("\\D", "\\d")
            .replace("\\W", "\\w")
            .replace("?P<T>", "?P<t>")
            .replace("?P<CHANNEL>", "?P<channel>"),
            re.IGNORECASE,
        ),
    ):
        assert parse_tile_name("run/t010_dapi.tif", pattern) == {"t": 10, "channel": "dapi"}


def test_a_group_that_takes_no_part_is_empty() -> None:
    assert parse_tile_name("t1.tif", r"t(?P<t>\d+)(?:_(?P<c>\w+))?\.tif") == {"t": 1, "c": ""}


def test_decimal_numbers_are_read() -> None:
    assert parse_tile_name("z-1.5um_1e3.tif", "z{z:f}um_{exposure:f}.tif") == {
        "z": -1.5,
        "exposure": 1000.0,
    }


def test_folders_count_as_far_as_the_pattern_mentions_them() -> None:
    assert parse_tile_name(Path("a/ch3/7.tif"), "ch{c:d}/{t:d}.tif") == {"c": 3, "t": 7}
    assert parse_tile_name(Path("a/ch3/7.tif"), "{t:d}.tif") == {"t": 7}


def test_a_field_that_comes_twice_must_be_the_same_both_times() -> None:
    assert parse_tile_name("ch1_CAM1.tif", "ch{c:d}_CAM{c:d}.tif") == {"c": 1}
    with pytest.raises(ValueError, match="same text as before") as error:
        parse_tile_name("ch1_CAM2.tif", "ch{c:d}_CAM{c:d}.tif")
    assert caret_position(str(error.value)) == 7


@pytest.mark.parametrize(
    ("name", "pattern", "position", "found", "expected"),
    [
        ("CamA_chX.tif", "{camera}_ch{c:d}.tif", 7, "'X'", "an integer for {c}"),
        ("t01.tiff", "t{t:d}.tif", 7, "'f'", "the end of the name"),
        ("t01.ti", "t{t:d}.tif", 6, "the end of the name", "'f'"),
        ("image.png", "t{t:d}.tif", 0, "'i'", "'t'"),
        ("t12.tif", "t{t:03d}.tif", 1, "'1'", "an integer of at least 3 digits"),
        ("zone.tif", "z{z:f}.tif", 1, "'o'", "a number for {z}"),
        ("t1_cX.tif", r"t(?P<t>\d+)_c(?P<c>\d+)\.tif", 4, "'X'", "allows"),
        ("t1_c22.png", r"t(?P<t>\d+)_c(?P<c>\d{2})\.tif", 7, "'p'", "allows"),
    ],
)
def test_a_name_that_does_not_match_is_shown_with_a_caret_where_they_part(
    name: str, pattern: str, position: int, found: str, expected: str
) -> None:
    with pytest.raises(ValueError, match="does not match") as error:
        parse_tile_name(f"folder/{name}", pattern)
    text = str(error.value)
    assert f"name     {name}\n" in text
    assert f"pattern  {pattern}" in text
    assert caret_position(text) == position
    assert f"at character {position}: found {found}, expected " in text
    assert expected in text


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("image.tif", "has no fields"),
        (r"t(?P<t\d+)", "not valid"),
        (re.compile("t[0-9]+"), "no named groups"),
        ("t{t", "not valid"),
        ("t{t:x}", "expected a name, and a type"),
        ("t{0}", "expected a name, and a type"),
        ("t{t!r}", "expected a name, and a type"),
    ],
)
def test_a_pattern_that_cannot_be_understood_is_refused(pattern: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_tile_name("t1.tif", pattern)


# Places


def test_ten_comes_after_two_whatever_the_order_of_the_files() -> None:
    paths = ["t10.tif", "t2.tif", "t1.tif"]
    for pattern in ("t{t:d}.tif", "t{t}.tif", "{t}.tif"):
        index = index_tiles(reversed(paths), pattern, "tyx", expected={"t": index_values(pattern)})
        assert index.paths.ravel().tolist() == ["t1.tif", "t2.tif", "t10.tif"]


def index_values(pattern: str) -> list[Any]:
    return [parse_tile_name(f"t{n}.tif", pattern)["t"] for n in (1, 2, 10)]


def test_axes_without_a_field_have_one_place_and_fields_without_an_axis_say_nothing() -> None:
    index = index_tiles(["CamA_t1_x00.tif", "CamB_t1_x50.tif"], "Cam{cam}_t{t:d}_x{x:d}.tif", "tyx")
    assert index.shape == (1, 1, 2)
    assert index.values == {"t": (1,), "x": (0, 50)}


def test_all_duplicates_are_named_at_once_with_what_tells_them_apart_and_the_gaps() -> None:
    names = ["A_t1_x0.tif", "B_t1_x0.tif", "A_t2_x1.tif", "B_t2_x1.tif", "A_t1_x1.tif"]
    with pytest.raises(ValueError, match="2 places have more than one tile") as error:
        index_tiles(names, "{camera}_t{t:d}_x{x:d}.tif", "txy")
    text = str(error.value)
    assert "differ in camera" in text
    assert "t=1, x=0: A_t1_x0.tif, B_t1_x0.tif" in text
    assert "t=2, x=1: A_t2_x1.tif, B_t2_x1.tif" in text
    assert "1 tiles are missing:\n  *_t2_x0.tif" in text


def test_the_same_name_in_two_folders_is_a_duplicate_but_the_same_path_twice_is_not() -> None:
    assert index_tiles(["a/t1.tif", Path("a/t1.tif")], "t{t:d}.tif", "tyx").shape == (1, 1, 1)
    with pytest.raises(ValueError, match="leave the copies out"):
        index_tiles(["a/t1.tif", "b/t1.tif"], "t{t:d}.tif", "tyx")


def test_all_gaps_are_named_with_the_digits_that_the_other_names_have() -> None:
    names = [
        f"run_t{t:03d}_x{x}_{t * 7 + x}ms_c1_c1.tif"
        for t in (1, 9, 10)
        for x in (0, 5)
        if (t, x) not in {(9, 5), (10, 0)}
    ]
    pattern = "run_t{t:d}_x{x:d}_{ms:d}ms_c{c:d}_c{c:d}.tif"
    index = index_tiles(names, pattern, ("t", "y", "x"), expected={"t": (1, 9, 10)})
    assert index.missing == ((1, 0, 1), (2, 0, 0))
    assert index.missing_names() == ["run_t009_x5_*ms_c1_c1.tif", "run_t010_x0_*ms_c1_c1.tif"]


def test_a_gap_in_a_field_that_a_name_repeats_is_spelt_with_the_field_twice() -> None:
    names = ["c1_t1_c1.tif", "c2_t1_c2.tif", "c1_t2_c1.tif"]
    assert index_tiles(names, "c{c:d}_t{t:d}_c{c:d}.tif", "ctyx").missing_names() == [
        "c2_t2_c2.tif"
    ]


def test_a_value_that_no_name_has_is_a_gap_where_it_is_expected() -> None:
    index = index_tiles(["t001.tif", "t002.tif"], "t{t:d}.tif", "tyx", expected={"t": range(1, 5)})
    assert index.missing_names() == ["t003.tif", "t004.tif"]


def test_a_series_with_a_hole_is_warned_of_since_no_other_tile_can_tell() -> None:
    with pytest.warns(UserWarning, match=r"no tile has t = 2, .* from 0 to 4 in steps of 1"):
        index_tiles([f"t{t}.tif" for t in (0, 1, 3, 4)], "t{t:d}.tif", "tyx")


@pytest.mark.parametrize(
    "values", [(405, 488, 561, 640), (0, 50, 100), (7,), (3, 900), (0, 1, 9999), (1, 2, 4, 8)]
)
def test_values_that_are_no_series_with_holes_are_taken_as_they_are(
    values: tuple[int, ...],
) -> None:
    index = index_tiles([f"x{x}.tif" for x in values], "x{x:d}.tif", ("x", "y"))
    assert index.values == {"x": values}


def test_values_beyond_those_expected_are_refused() -> None:
    with pytest.raises(ValueError, match=r"axis 't' has the values \[7\]"):
        index_tiles(["t1.tif", "t7.tif"], "t{t:d}.tif", "tyx", expected={"t": [1, 2]})
    with pytest.raises(ValueError, match=r"expected has \['z'\]"):
        index_tiles(["t1.tif"], "t{t:d}.tif", "tyx", expected={"z": [1]})


def test_strangers_are_named_all_at_once() -> None:
    with pytest.raises(ValueError, match="2 of 3 names do not match") as error:
        index_tiles(["t1.tif", "notes.txt", "Thumbs.db"], "t{t:d}.tif", "tyx")
    assert "  Thumbs.db\n  notes.txt" in str(error.value)


def test_long_lists_are_cut_after_twenty_names() -> None:
    with pytest.raises(ValueError, match="and 80 more"):
        index_tiles([f"n{n:03d}.txt" for n in range(100)], "t{t:d}.tif", "tyx")


@pytest.mark.parametrize(
    ("paths", "axes", "error", "message"),
    [
        ([], "tyx", ValueError, "no paths"),
        ("t1.tif", "tyx", TypeError, "single path"),
        (Path("run"), "tyx", TypeError, "single path"),
        (["t1.tif"], "yx", ValueError, "at least one of them a field"),
        (["t1.tif"], "tyy", ValueError, "differ from one another"),
    ],
)
def test_paths_and_axes_that_cannot_be_are_refused(
    paths: Any, axes: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        index_tiles(paths, "t{t:d}.tif", axes)


# The lazy array and the view


@pytest.mark.filterwarnings("ignore:along axis")  # any cut is meant here
@settings(deadline=None)
@given(cut_images())
def test_tiles_of_any_grid_give_back_the_image_they_were_cut_from(cut: CutImage) -> None:
    lazy = lazy_stitch(
        cut.order, cut.pattern, cut.axes, reader=cut.reader, verify=True, expected=cut.values
    )
    assert lazy.chunks == cut.chunks
    assert lazy.dtype == cut.image.dtype
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), cut.image)


@settings(deadline=None)
@given(cut_images(ragged=False))
def test_equal_tiles_need_no_look_at_every_header(cut: CutImage) -> None:
    opened = []

    def reader(path: str) -> NDArray[Any]:
        opened.append(path)
        return cut.tiles[path]

    lazy = lazy_stitch(cut.order, cut.pattern, cut.axes, reader=reader, expected=cut.values)
    assert len(opened) == 1
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), cut.image)


@pytest.mark.filterwarnings("ignore:along axis")  # any cut is meant here
@settings(deadline=None)
@given(cut_images(), st.data())
def test_a_view_reads_any_region_as_numpy_would(cut: CutImage, data: st.DataObject) -> None:
    view = stitched_view(
        cut.order, cut.pattern, cut.axes, reader=cut.reader, verify=True, expected=cut.values
    )
    index = [_any_index(data, length) for length in cut.image.shape]
    keep = data.draw(st.integers(0, len(index)))
    shortened: Any = (*index[:keep], ...) if data.draw(st.booleans()) else tuple(index[:keep])
    for chosen in (tuple(index), shortened, (..., *index[keep:])):
        np.testing.assert_array_equal(view[chosen], cut.image[chosen])
        assert np.shape(view[chosen]) == cut.image[chosen].shape
    assert (view.shape, view.dtype, view.ndim) == (cut.image.shape, cut.image.dtype, cut.image.ndim)
    assert view.nbytes == cut.image.nbytes
    np.testing.assert_array_equal(np.asarray(view), cut.image)


def _any_index(data: st.DataObject, length: int) -> int | slice:
    if data.draw(st.booleans()):
        return data.draw(st.integers(-length, length - 1))
    ends = st.none() | st.integers(-length - 2, length + 2)
    return slice(data.draw(ends), data.draw(ends), data.draw(st.none() | st.integers(1, 4)))


@pytest.mark.filterwarnings("ignore:along axis")  # any cut is meant here
@settings(deadline=None)
@given(cut_images(), st.data())
def test_slices_of_the_lazy_array_are_those_of_the_image(
    cut: CutImage, data: st.DataObject
) -> None:
    lazy = lazy_stitch(
        cut.order, cut.pattern, cut.axes, reader=cut.reader, verify=True, expected=cut.values
    )
    index = tuple(_any_index(data, length) for length in cut.image.shape)
    np.testing.assert_array_equal(lazy[index].compute(scheduler="sync"), cut.image[index])


@settings(deadline=None)
@given(cut_images(ragged=False, min_dims=2), st.data())
def test_missing_tiles_are_filled_only_when_asked_and_nothing_else_changes(
    cut: CutImage, data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.sampled_from(cut.order), max_size=len(cut.order) - 1))
    there = [path for path in cut.order if path not in gone]
    wanted = cut.image.copy()
    for path in gone:
        wanted[cut.places[path]] = 7
    lazy = lazy_stitch(
        there, cut.pattern, cut.axes, reader=cut.reader, missing=7, expected=cut.values
    )
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), wanted)
    if gone:
        with pytest.raises(FileNotFoundError) as error:
            lazy_stitch(there, cut.pattern, cut.axes, reader=cut.reader, expected=cut.values)
        assert f"{len(gone)} of {len(cut.order)} tiles are missing" in str(error.value)


def write_row(directory: Path, count: int = 3, **how: Any) -> NDArray[Any]:
    """Write tiles of 4 x 6 x 5 pixels side by side along x; give the whole."""
    whole = np.random.default_rng(0).integers(0, 60000, (4, 6, 5 * count), dtype="uint16")
    for number in range(count):
        tile = np.ascontiguousarray(whole[..., 5 * number : 5 * number + 5])
        tifffile.imwrite(directory / f"x{number}.tif", tile, photometric="minisblack", **how)
    return whole


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"compression": "zlib"},
        {"compression": "zlib", "byteorder": ">", "predictor": True},
        {"rowsperstrip": 2, "compression": "zlib"},
        {"tile": (16, 16)},
        {"imagej": True},
        {"ome": True},
        {"metadata": None},
    ],
    ids=str,
)
def test_every_way_to_write_a_tiff_reads_the_same(tmp_path: Path, how: dict[str, Any]) -> None:
    whole = write_row(tmp_path, **how)
    paths = list(tmp_path.glob("*.tif"))
    view = stitched_view(paths, "x{x:d}.tif", "zyx", verify=True)
    assert view.dtype == np.dtype("uint16")
    for index in (np.s_[...], np.s_[2], np.s_[1, 3, 7], np.s_[::2, 1:5:3, 3:12], np.s_[:, 0:0]):
        np.testing.assert_array_equal(view[index], whole[index])
    np.testing.assert_array_equal(
        lazy_stitch(paths, "x{x:d}.tif", "zyx")[1:3, ::2].compute(), whole[1:3, ::2]
    )


def test_colour_tiles_keep_their_channels(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype="uint8")
    for x in (0, 5):
        tile = np.ascontiguousarray(whole[:, x : x + 5])
        tifffile.imwrite(tmp_path / f"x{x}.tif", tile, photometric="rgb", compression="zlib")
    view = stitched_view(tmp_path.glob("*.tif"), "x{x:d}.tif", ("y", "x", "c"))
    np.testing.assert_array_equal(view[1:4, 3:7, 1], whole[1:4, 3:7, 1])


def test_the_header_alone_tells_shape_and_dtype(tmp_path: Path, monkeypatch: Any) -> None:
    write_row(tmp_path, compression="zlib")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr(tifffile, "imread", refuse)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    monkeypatch.setattr(tifffile.TiffPage, "decode", property(refuse))
    lazy = lazy_stitch(tmp_path.glob("*.tif"), "x{x:d}.tif", "zyx", verify=True)
    assert (lazy.shape, lazy.dtype) == ((4, 6, 15), np.dtype("uint16"))


def test_there_is_one_task_per_file_and_one_source(tmp_path: Path) -> None:
    write_row(tmp_path)
    lazy = lazy_stitch(tmp_path.glob("*.tif"), "x{x:d}.tif", "zyx")
    assert len(lazy.__dask_graph__()) == 3 + 1
    again = lazy_stitch(tmp_path.glob("*.tif"), "x{x:d}.tif", "zyx")
    assert lazy.name == again.name
    assert lazy.name != lazy_stitch(sorted(tmp_path.glob("*.tif"))[:2], "x{x:d}.tif", "zyx").name


class AskedFor:
    """A reader whose tiles note which region was asked of them."""

    def __init__(self, tile: NDArray[Any]) -> None:
        self.tile, self.asked = tile, []  # type: ignore[var-annotated]

    def __call__(self, path: str) -> "AskedFor":
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tile.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.tile.dtype

    def __getitem__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        self.asked.append(index)
        return self.tile[index]


def test_a_slice_of_the_lazy_array_reaches_the_tile_before_it_is_read() -> None:
    tile = AskedFor(np.arange(4 * 6 * 5).reshape(4, 6, 5))
    lazy = lazy_stitch([f"t{t}.tif" for t in range(9)], "t{t:d}.tif", "tzyx", reader=tile)
    value = lazy[3, 2, 1:4, 2].compute(scheduler="sync")
    np.testing.assert_array_equal(value, tile.tile[2, 1:4, 2])
    assert [tile.tile[index].size for index in tile.asked] == [3]


def test_a_view_opens_only_the_tiles_that_a_region_meets() -> None:
    opened = []

    def reader(path: str) -> NDArray[Any]:
        opened.append(path)
        return np.zeros((2, 3), "u1")

    view = stitched_view([f"x{x}.tif" for x in range(5)], "x{x:d}.tif", "yx", reader=reader)
    opened.clear()
    assert view[:, 4:9].shape == (2, 5)
    assert opened == ["x1.tif", "x2.tif"]


@pytest.mark.slow
def test_the_array_survives_the_trip_to_another_process(tmp_path: Path) -> None:
    whole = write_row(tmp_path)
    lazy = lazy_stitch(tmp_path.glob("*.tif"), "x{x:d}.tif", "zyx")
    np.testing.assert_array_equal(lazy.compute(scheduler="processes", num_workers=2), whole)


def test_a_file_that_changes_between_two_reads_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "x0.tif"
    tifffile.imwrite(path, np.full((4, 4), 1, "u2"))
    view = stitched_view([path], "x{x:d}.tif", "yx")
    assert view[0, 0] == 1
    tifffile.imwrite(path, np.full((4, 4), 2, "u2"), metadata=None, software="a longer header")
    assert view[3, 3] == 2
    tifffile.imwrite(path, np.full((4, 5), 3, "u2"))
    with pytest.raises(TileError, match=r"found \(4, 5\) uint16, expected \(4, 4\) uint16"):
        view[0, 0]


def test_dask_and_zarr_take_a_view_for_an_array(tmp_path: Path) -> None:
    whole = write_row(tmp_path)
    view = stitched_view(tmp_path.glob("*.tif"), "x{x:d}.tif", "zyx")
    np.testing.assert_array_equal(da.from_array(view, chunks=(2, 6, 7)).compute(), whole)
    assert repr(view) == "<TileView (z: 4, y: 6, x: 15) uint16, 3 tiles>"
    with pytest.raises(ValueError, match="copy=None or True"):
        np.asarray(view, copy=False)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (4, r"index 4 is out of range for axis 'z'; expected -4 to 3"),
        ((0, 0, -16), "index -16 is out of range for axis 'x'"),
        ((0, 0, 0, 0), "does not fit the 3 axes"),
        ((..., ...), "does not fit the 3 axes"),
        (np.s_[::-1], "negative step"),
        ([0, 1], "is a list; expected an integer or a slice"),
        (1.5, "is a float"),
        (None, "is a NoneType"),
    ],
)
def test_an_index_that_a_view_cannot_serve_is_refused(
    tmp_path: Path, index: Any, message: str
) -> None:
    write_row(tmp_path)
    view = stitched_view(tmp_path.glob("*.tif"), "x{x:d}.tif", "zyx")
    with pytest.raises(IndexError, match=message):
        view[index]


# The full five-dimensional case


def made_on_demand(shape: tuple[int, ...]) -> Callable[[str], Any]:
    """A reader that makes each tile from its name, holding none."""

    def reader(path: str) -> NDArray[Any]:
        fields = parse_tile_name(path, LONG_PATTERN)
        return np.broadcast_to(
            np.uint16(1000 * int(fields["channel"]) + int(fields["stack"])), shape
        )

    return reader


def five_dimensional_names(stacks: int) -> list[str]:
    """The names of three channels, whose times differ in every name."""
    return [
        f"ex6-2_CamA_ch{channel}_CAM1_stack{stack:04d}_560nm_{7 * stack:07d}msec_"
        f"{1291795 + 7 * stack + channel:010d}msecAbs_000x_000y_000z_0000t.tif"
        for channel in range(3)
        for stack in range(stacks)
    ]


def test_an_array_of_188_gb_is_built_from_597_names_and_sliced() -> None:
    lazy = lazy_stitch(
        five_dimensional_names(199),
        LONG_PATTERN,
        ("channel", "stack", "z", "y", "x"),
        reader=made_on_demand((201, 1024, 768)),
    )
    assert lazy.shape == (3, 199, 201, 1024, 768)
    assert lazy.npartitions == 597
    assert round(lazy.nbytes / 1e9, 2) == 188.74
    plane = lazy[:, 42, 100, ::256, 5].compute()
    assert plane.tolist() == [[42] * 4, [1042] * 4, [2042] * 4]


@pytest.mark.slow
def test_a_scaled_down_copy_is_summed_in_bounded_memory() -> None:
    from memory import peak_of

    shape = (8, 256, 256)  # a tile of 1 MB; all of them are 600 MB
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import dask
from test_stitching import *
lazy = lazy_stitch(
    five_dimensional_names(199), LONG_PATTERN, ("channel", "stack", "z", "y", "x"),
    reader=lambda path: np.array(made_on_demand({shape})(path)),
)
start()
with dask.config.set(num_workers=2):
    total = int(lazy.sum(dtype="int64").compute())
report(total, lazy.nbytes)
"""
    peak, (total, nbytes) = peak_of(code)
    expected = sum(1000 * c + s for c in range(3) for s in range(199)) * int(np.prod(shape))
    assert total == expected
    assert nbytes > 600e6
    assert peak < 60e6, f"{peak / 1e6:.0f} MB"


def test_axes_that_do_not_fit_the_tiles_are_refused(tmp_path: Path) -> None:
    write_row(tmp_path)
    paths = list(tmp_path.glob("*.tif"))
    with pytest.raises(ValueError, match=r"its axes are the last 3; expected at least 3 axes"):
        lazy_stitch(paths, "x{x:d}.tif", "yx")
    with pytest.raises(
        ValueError, match=r"expected fields for \['t'\] in the pattern 'x{x:d}.tif'"
    ):
        lazy_stitch(paths, "x{x:d}.tif", "tzyx")


@pytest.mark.parametrize("missing", ["ignore", 70000, -1, 1.5, float("nan"), None, [1, 2]])
def test_a_fill_value_that_the_dtype_cannot_hold_is_refused(missing: Any) -> None:
    with pytest.raises(ValueError, match="missing is"):
        lazy_stitch(
            ["x0.tif"], "x{x:d}.tif", "yx", missing=missing, reader=lambda _: np.zeros((2, 2), "u2")
        )


def test_tiles_of_floats_may_be_filled_with_nan() -> None:
    view = stitched_view(
        ["x0_y0.tif", "x1_y1.tif"],
        "x{x:d}_y{y:d}.tif",
        "yx",
        missing=np.nan,
        reader=lambda _: np.ones((1, 1), "f4"),
    )
    np.testing.assert_array_equal(view[...], [[1, np.nan], [np.nan, 1]])


@settings(deadline=None)
@given(st.data())
def test_one_run_of_bytes_is_found_where_a_region_is_one(data: st.DataObject) -> None:
    from data_helpers.stitching.tiff import _one_run

    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    ranges = [range(n)[part] for n, part in zip(shape, data.draw(indices_in(shape)), strict=True)]
    numbers = np.arange(np.prod(shape)).reshape(shape)
    flat = numbers[np.ix_(*ranges)].ravel()
    run = _one_run(ranges, shape)
    in_one_piece = bool((np.diff(flat) == 1).all())
    assert (run is not None) == in_one_piece
    if run is not None:
        assert run == (flat[0], flat.size)


def test_a_tile_opened_alone_has_the_shape_of_the_file(tmp_path: Path) -> None:
    write_row(tmp_path, 1)
    tile = open_tiff(tmp_path / "x0.tif")
    assert (tile.shape, tile.dtype) == ((4, 6, 5), np.dtype("uint16"))
    with dask.config.set(scheduler="sync"):
        assert tile[0:1, 0:1, 0:1].shape == (1, 1, 1)
