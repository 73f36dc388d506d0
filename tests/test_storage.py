"""Storage: what lies on disk, what codecs keep, what a TIFF or an object store makes us touch."""

import http.client
import zipfile
import zlib
from pathlib import Path

import fsspec
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import BytesCodec, ZstdCodec

from data_helpers import storage

RNG = np.random.default_rng(1)
STACK = RNG.integers(0, 4000, (5, 33, 47), dtype="uint16")


def write(path: Path, nbytes: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(nbytes))
    return path


# ---- files -----------------------------------------------------------------------------------


def test_contents_are_every_file_at_any_depth_and_no_directory(tmp_path: Path) -> None:
    for name in ["b", "a/2", "a/10", "a/deep/er", ".zarray"]:
        write(tmp_path / name, 1)
    (tmp_path / "empty").mkdir()
    found = storage.get_directory_contents(tmp_path)
    assert found == [".zarray", "a/10", "a/2", "a/deep/er", "b"]


def test_contents_of_a_zarr_array_are_its_chunks_and_its_metadata(tmp_path: Path) -> None:
    array = zarr.create_array(tmp_path / "x.zarr", shape=(4, 4), chunks=(2, 4), dtype="u1")
    array[:] = 1
    assert storage.get_directory_contents(str(tmp_path / "x.zarr")) == [
        "c/0/0",
        "c/1/0",
        "zarr.json",
    ]


@pytest.mark.parametrize(
    "function", [storage.get_directory_contents, storage.directory_tree, storage.stored_bytes]
)
def test_a_path_with_nothing_at_it_is_named(function, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        function(tmp_path / "nowhere")


@pytest.mark.parametrize("function", [storage.get_directory_contents, storage.directory_tree])
def test_a_file_is_not_a_directory(function, tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="is a file: expected a directory"):
        function(write(tmp_path / "file", 1))


def test_the_tree_sorts_numbers_as_numbers_and_sums_what_it_leaves_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for number in range(12):
        write(root / "c" / str(number), 100 + number)
    write(root / "zarr.json", 20)
    assert storage.directory_tree(root, max_entries=3).splitlines() == [
        "root/  1.3 kB",
        "├── c/  1.3 kB",
        "│   ├── 0  100 B",
        "│   ├── 1  101 B",
        "│   ├── 2  102 B",
        "│   └── ... 9 more, 963 B",
        "└── zarr.json  20 B",
    ]


def test_the_tree_trims_whole_directories_with_their_size(tmp_path: Path) -> None:
    for name in ["a/1", "b/1", "c/1"]:
        write(tmp_path / "root" / name, 1000)
    lines = storage.directory_tree(tmp_path / "root", max_entries=1).splitlines()
    assert lines[1:] == ["├── a/  1.0 kB", "│   └── 1  1.0 kB", "└── ... 2 more, 2.0 kB"]


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_951, "1.0 MB")],
)
def test_sizes_are_decimal_and_never_show_a_thousand(tmp_path: Path, nbytes, text) -> None:
    write(tmp_path / "root" / "file", nbytes)
    assert storage.directory_tree(tmp_path / "root").endswith(f"file  {text}")


def test_an_empty_directory_is_one_line(tmp_path: Path) -> None:
    assert storage.directory_tree(tmp_path) == f"{tmp_path.name}/  0 B"


def test_a_tree_without_entries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_entries is 0: expected 1 or more"):
        storage.directory_tree(tmp_path, max_entries=0)


# ---- stored bytes ----------------------------------------------------------------------------


def test_stored_bytes_of_a_file_and_of_a_directory(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b", 7)
    assert storage.stored_bytes(write(tmp_path / "a" / "c", 5)) == 5
    assert storage.stored_bytes(str(tmp_path)) == 12


def fill(store: object, zarr_format: int) -> zarr.Group:
    group = zarr.create_group(store, zarr_format=zarr_format)
    for name in ["image", "image2"]:
        array = group.create_array(name, shape=(8, 8), chunks=(4, 4), dtype="uint16")
        array[:] = RNG.integers(1, 1000, (8, 8))
    return group


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_stored_bytes_of_zarr_equal_the_bytes_on_disk(tmp_path: Path, zarr_format: int) -> None:
    group = fill(tmp_path / "g.zarr", zarr_format)
    on_disk = {
        name: sum(f.stat().st_size for f in (tmp_path / "g.zarr" / name).rglob("*") if f.is_file())
        for name in ["image", "image2", "."]
    }
    assert storage.stored_bytes(group["image"]) == on_disk["image"]
    assert storage.stored_bytes(group["image2"]) == on_disk["image2"]
    assert storage.stored_bytes(group) == storage.stored_bytes(tmp_path / "g.zarr") == on_disk["."]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_sibling_whose_name_begins_alike_is_not_counted(zarr_format: int) -> None:
    store = zarr.storage.MemoryStore()
    group = fill(store, zarr_format)
    expected = sum(len(v) for k, v in store._store_dict.items() if k.startswith("image/"))
    assert storage.stored_bytes(group["image"]) == expected


def test_stored_bytes_inside_a_zip_are_less_than_the_zip(tmp_path: Path) -> None:
    path = tmp_path / "g.zip"
    with zarr.storage.ZipStore(path, mode="w") as store:
        fill(store, 3)
    with zarr.storage.ZipStore(path, mode="r") as store:
        inside = storage.stored_bytes(zarr.open_group(store, mode="r"))
    with zipfile.ZipFile(path) as archive:
        assert inside == sum(entry.file_size for entry in archive.infolist())
    assert storage.stored_bytes(path) == path.stat().st_size > inside


def test_stored_bytes_of_an_array_in_memory_points_to_nbytes() -> None:
    with pytest.raises(TypeError, match=r"got ndarray: expected a path .* use its nbytes"):
        storage.stored_bytes(STACK)


@pytest.mark.slow
def test_a_store_that_cannot_list_is_not_reported_as_empty(tmp_path: Path) -> None:
    fill(tmp_path / "g.zarr", 3)
    with storage.ObjectServer(tmp_path) as server:
        array = zarr.open_array(f"{server.url}/g.zarr/image", mode="r")
        with pytest.raises(ValueError, match="lists no keys"):
            storage.stored_bytes(array)


# ---- codecs ----------------------------------------------------------------------------------


def test_a_ratio_is_bytes_in_memory_over_bytes_stored() -> None:
    table = storage.compare_codecs(STACK, {"none": []}, chunks=STACK.shape, repeats=1)
    store = zarr.storage.MemoryStore()
    array = zarr.create_array(
        store, shape=STACK.shape, chunks=STACK.shape, dtype=STACK.dtype, compressors=None
    )
    metadata = len(store._store_dict["zarr.json"])
    # The shape in the metadata has the same digits, so its length is the same.
    assert array.shape == STACK.shape
    assert table.ratio["none"] == pytest.approx(STACK.nbytes / (STACK.nbytes + metadata), abs=1e-3)


def test_a_row_per_codec_in_the_order_given() -> None:
    codecs = {"zstd": [ZstdCodec()], "none": [], "big-endian": [BytesCodec(endian="big")]}
    table = storage.compare_codecs(STACK, codecs, repeats=2)
    assert table.index.tolist() == ["zstd", "none", "big-endian"]
    assert table.index.name == "codec"
    assert table.columns.tolist() == [
        "ratio",
        "write_MB_per_s",
        "read_MB_per_s",
        "lossless",
        "max_error",
    ]
    assert table["lossless"].all()
    assert (table[["write_MB_per_s", "read_MB_per_s"]] > 0).all(axis=None)


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")
@given(st.integers(1, 6))
@settings(deadline=None, max_examples=6)
def test_dropping_bits_loses_at_most_half_a_step(bits: int) -> None:
    from zarr.codecs.numcodecs import FixedScaleOffset

    step = 2**bits
    rounding = FixedScaleOffset(offset=0, scale=1 / step, dtype="<u2", astype="<u2")
    table = storage.compare_codecs(STACK, {"rounded": [rounding, ZstdCodec()]}, repeats=1)
    # The oracle: NumPy rounds to the nearest step itself.
    error = np.abs(np.round(STACK / step) * step - STACK).max()
    assert table.max_error["rounded"] == error <= step / 2
    assert not table.lossless["rounded"]


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")
def test_values_that_are_not_finite_count_as_kept_when_they_are() -> None:
    from zarr.codecs.numcodecs import BitRound

    values = np.array([np.nan, np.inf, -np.inf, 1 + 2**-10], "float32")
    table = storage.compare_codecs(values, {"none": [], "8 bits": [BitRound(keepbits=8)]})
    assert table.max_error.tolist() == [0.0, 2**-10]
    assert table.lossless.tolist() == [True, False]


def test_minus_zero_read_as_zero_is_not_lossless_though_equal() -> None:
    class DropsTheSign(BytesCodec):
        async def _decode_single(self, *args):  # type: ignore[no-untyped-def]
            buffer = await super()._decode_single(*args)
            return buffer.from_numpy_array(buffer.as_numpy_array() + 0.0)

    values = np.array([-0.0, 1.0])
    table = storage.compare_codecs(values, {"none": [], "signless": [DropsTheSign()]}, repeats=1)
    assert table.lossless.tolist() == [True, False]
    assert table.max_error.tolist() == [0.0, 0.0]


def test_chunks_of_zeros_are_encoded_like_any_other() -> None:
    table = storage.compare_codecs(np.zeros((64, 64), "u1"), {"none": []}, repeats=1)
    assert table.ratio["none"] < 1  # the metadata is larger than nothing


@pytest.mark.slow
def test_a_zarr_array_is_cut_as_it_is_stored() -> None:
    small = zarr.create_array(
        zarr.storage.MemoryStore(), shape=(64, 64), chunks=(2, 2), dtype="uint16"
    )
    small[:] = RNG.integers(1, 4000, (64, 64))
    codecs = {"zstd": [ZstdCodec()]}
    own = storage.compare_codecs(small, codecs, repeats=1)
    whole = storage.compare_codecs(small, codecs, chunks=(64, 64), repeats=1)
    assert own.ratio["zstd"] < whole.ratio["zstd"]  # 1024 frames have 1024 headers


@pytest.mark.parametrize(
    ("array", "codecs", "repeats"),
    [(STACK, {}, 1), (STACK, {"none": []}, 0), (STACK[:0], {"none": []}, 1)],
)
def test_nothing_to_compare_is_refused(array, codecs, repeats) -> None:
    with pytest.raises(ValueError, match="expected at least one of each"):
        storage.compare_codecs(array, codecs, repeats=repeats)


def test_a_codec_that_zarr_does_not_know_is_named() -> None:
    import numcodecs

    with pytest.raises(TypeError, match=r"'fast' has .*wrapped for Zarr in zarr.codecs.numcodecs"):
        storage.compare_codecs(STACK, {"fast": [numcodecs.Zstd()]})


# ---- the inside of a TIFF --------------------------------------------------------------------

LAYOUTS = {
    "one strip": {"rowsperstrip": 33},
    "strips": {"rowsperstrip": 8},
    "tiles": {"tile": (16, 32)},
    "deflate strips": {"rowsperstrip": 8, "compression": "zlib"},
    "deflate tiles with predictor": {"tile": (16, 16), "compression": "zlib", "predictor": True},
    "big-endian": {"rowsperstrip": 8, "byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "plane by plane": {"contiguous": False},
}


def write_tiff(path: Path, layout: str, stack: np.ndarray = STACK) -> Path:
    options = dict(LAYOUTS[layout])
    byteorder, bigtiff = options.pop("byteorder", "<"), options.pop("bigtiff", False)
    with tifffile.TiffWriter(path, byteorder=byteorder, bigtiff=bigtiff) as tif:
        if options.pop("contiguous", True):
            tif.write(stack, photometric="minisblack", **options)
        else:
            for plane in stack:
                tif.write(plane, photometric="minisblack", contiguous=False, **options)
    return path


@pytest.mark.parametrize("layout", ["one strip", "strips", "BigTIFF", "plane by plane"])
def test_pages_tell_where_the_pixels_are(tmp_path: Path, layout: str) -> None:
    path = write_tiff(tmp_path / "stack.tif", layout)
    content = path.read_bytes()
    pages = storage.tiff_pages(path)
    assert [page.index for page in pages] == list(range(len(STACK)))
    for page, plane in zip(pages, STACK, strict=True):
        pixels = b"".join(
            content[offset : offset + nbytes]
            for offset, nbytes in zip(page.data_offsets, page.data_nbytes, strict=True)
        )
        assert pixels == plane.tobytes()


@pytest.mark.parametrize("layout", ["strips", "BigTIFF"])
def test_pages_follow_the_chain_of_directories(tmp_path: Path, layout: str) -> None:
    path = write_tiff(tmp_path / "stack.tif", layout)
    content, big = path.read_bytes(), layout == "BigTIFF"
    # The oracle: each directory ends with the position of the next, the header points to the
    # first; positions are 8 bytes wide in a BigTIFF and 4 in a TIFF.
    width, where = (8, 8) if big else (4, 4)
    for page in storage.tiff_pages(path):
        assert int.from_bytes(content[where : where + width], "little") == page.ifd_offset
        where = page.ifd_offset + page.ifd_nbytes - width
    assert int.from_bytes(content[where : where + width], "little") == 0


def test_what_is_not_a_tiff_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tifffile.TiffFileError, match="not a TIFF"):
        storage.tiff_pages(write(tmp_path / "zeros", 100))


@st.composite
def regions(draw: st.DrawFn) -> tuple[slice, ...]:
    edges = [sorted(draw(st.tuples(*[st.integers(0, n)] * 2))) for n in STACK.shape]
    return tuple(slice(start, stop) for start, stop in edges)


@pytest.fixture(scope="module")
def tiffs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tiffs")
    return {name: write_tiff(folder / f"{name}.tif", name) for name in LAYOUTS}


@given(layout=st.sampled_from(list(LAYOUTS)), region=regions())
@settings(deadline=None)
def test_a_region_equals_the_same_region_of_the_whole(tiffs, layout, region) -> None:
    values = storage.read_tiff_region(tiffs[layout], region)
    np.testing.assert_array_equal(values, STACK[region])
    assert values.dtype == STACK.dtype


def test_open_and_negative_ends_mean_what_they_mean_in_numpy(tiffs) -> None:
    region = np.s_[-2:, :-30, 40:]
    values = storage.read_tiff_region(tiffs["tiles"], region)
    np.testing.assert_array_equal(values, STACK[region])


def test_only_the_strips_that_meet_the_region_are_fetched(tiffs) -> None:
    path = tiffs["deflate strips"]
    wanted = np.s_[2:4, 9:15, 0:3]  # rows 9 to 14 lie in strip 1, rows 8 to 15
    with storage.ObjectServer(path.parent) as server:
        url = f"{server.url}/deflate%20strips.tif"
        with fsspec.open(url, cache_type="none", block_size=2**16) as file:
            values = storage.read_tiff_region(file, wanted)
        fetched = {request.start for request in server.requests if request.nbytes > 40}
    np.testing.assert_array_equal(values, STACK[wanted])
    pages = storage.tiff_pages(path)
    pixels = {offset for page in pages for offset in page.data_offsets}
    assert fetched & pixels == {pages[2].data_offsets[1], pages[3].data_offsets[1]}


def test_tiles_that_a_sparse_tiff_leaves_out_read_as_zero(tmp_path: Path) -> None:
    fives = zlib.compress(np.full((16, 16), 5, "<u2").tobytes())
    tiles = [b"", fives, b"", b""] * 2
    with tifffile.TiffWriter(tmp_path / "sparse.tif") as tif:
        tif.write(
            iter(tiles),
            shape=(2, 32, 32),
            dtype="uint16",
            tile=(16, 16),
            compression="zlib",
            photometric="minisblack",
        )
    values = storage.read_tiff_region(tmp_path / "sparse.tif", np.s_[:, 15:17, 15:17])
    np.testing.assert_array_equal(values, [[[0, 5], [0, 0]]] * 2)


@pytest.mark.parametrize("region", [np.s_[0:1, 0:1], np.s_[0:1, 0:9:2, 0:1]])
def test_a_region_that_is_not_three_plain_slices_is_refused(tiffs, region) -> None:
    with pytest.raises(ValueError, match="expected three slices"):
        storage.read_tiff_region(tiffs["strips"], region)


def test_colour_pages_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((8, 8, 3), "u1"), photometric="rgb")
    with pytest.raises(ValueError, match=r"pages have shape \(8, 8, 3\): expected grey images"):
        storage.read_tiff_region(tmp_path / "rgb.tif", np.s_[0:1, 0:1, 0:1])


def test_pages_that_do_not_stack_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mixed.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(np.zeros((8, 8), "u1"))
        tif.write(np.zeros((8, 9), "u1"))
    with pytest.raises(ValueError, match=r"page 1 is \(8, 9\) uint8 but page 0 is \(8, 8\)"):
        storage.read_tiff_region(path, np.s_[0:2, 0:1, 0:1])


# ---- an object store with a log --------------------------------------------------------------


def ask(server: storage.ObjectServer, key: str, method: str = "GET", span: str | None = None):
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request(method, f"/{key}", headers={"Range": span} if span else {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("Content-Range")
    finally:
        connection.close()


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "letters").write_bytes(b"abcdefghij")
    (tmp_path / "folder" / "empty").write_bytes(b"")
    (tmp_path / "secret").write_bytes(b"not served")
    return tmp_path / "folder"


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (None, (200, b"abcdefghij", None)),
        ("bytes=0-0", (206, b"a", "bytes 0-0/10")),
        ("bytes=3-5", (206, b"def", "bytes 3-5/10")),
        ("bytes=8-99", (206, b"ij", "bytes 8-9/10")),
        ("bytes=7-", (206, b"hij", "bytes 7-9/10")),
        ("bytes=-2", (206, b"ij", "bytes 8-9/10")),
        ("bytes=-99", (206, b"abcdefghij", "bytes 0-9/10")),
        ("bytes=10-12", (416, b"", "bytes */10")),
        ("bytes=5-3", (200, b"abcdefghij", None)),
        ("lines=1-2", (200, b"abcdefghij", None)),
        ("bytes=-", (200, b"abcdefghij", None)),
    ],
)
def test_a_range_is_answered_as_the_standard_says(objects: Path, span, expected) -> None:
    with storage.ObjectServer(objects) as server:
        assert ask(server, "letters", span=span) == expected


def test_the_log_holds_what_was_sent_in_order(objects: Path) -> None:
    with storage.ObjectServer(objects) as server:
        ask(server, "letters", "HEAD")
        ask(server, "letters", span="bytes=3-5")
        ask(server, "nothing")
        assert server.requests == [
            storage.Request("HEAD", "letters", 200, 0, 0),
            storage.Request("GET", "letters", 206, 3, 3),
            storage.Request("GET", "nothing", 404, 0, 0),
        ]
        assert server.nbytes == 3
        server.clear()
        assert server.requests == []


@pytest.mark.parametrize("key", ["../secret", "%2e%2e/secret", ""])
def test_nothing_outside_the_folder_and_no_folder_is_served(objects: Path, key: str) -> None:
    with storage.ObjectServer(objects) as server:
        status, body, _ = ask(server, key)
    assert (status, body) == (404, b"")


def test_an_empty_object_is_an_object(objects: Path) -> None:
    with storage.ObjectServer(objects) as server:
        assert ask(server, "empty") == (200, b"", None)


def test_after_the_with_statement_nobody_answers(objects: Path) -> None:
    with storage.ObjectServer(objects) as server:
        pass
    with pytest.raises(ConnectionRefusedError):
        ask(server, "letters")


def test_latency_delays_each_answer(objects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = []
    monkeypatch.setattr("data_helpers.storage.server.time.sleep", slept.append)
    with storage.ObjectServer(objects, latency=0.05) as server:
        ask(server, "letters")
        ask(server, "nothing")
    assert slept == [0.05, 0.05]


def test_a_negative_latency_is_refused(objects: Path) -> None:
    with pytest.raises(ValueError, match="latency is -1 s"):
        storage.ObjectServer(objects, latency=-1)


def test_serving_what_is_not_a_folder_is_refused(objects: Path) -> None:
    with pytest.raises(NotADirectoryError):
        storage.ObjectServer(objects / "letters")


def test_zarr_reads_one_chunk_of_a_shard_by_ranges(tmp_path: Path) -> None:
    array = zarr.create_array(
        tmp_path / "s.zarr", shape=(64, 64), chunks=(8, 8), shards=(64, 64), dtype="uint16"
    )
    array[:] = RNG.integers(1, 4000, (64, 64))
    with storage.ObjectServer(tmp_path) as server:
        remote = zarr.open_array(f"{server.url}/s.zarr", mode="r", zarr_format=3)
        server.clear()
        np.testing.assert_array_equal(remote[8:16, 8:16], array[8:16, 8:16])
        fetched = [request for request in server.requests if request.nbytes]
    shard = storage.stored_bytes(tmp_path / "s.zarr" / "c" / "0" / "0")
    assert [request.status for request in fetched] == [206, 206]  # the index, then the chunk
    assert sum(request.nbytes for request in fetched) < shard / 4
