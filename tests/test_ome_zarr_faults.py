"""An interrupted write never looks complete; what is damaged is found, all of it."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray
from zarr.storage import MemoryStore

from data_helpers import (
    ChunkError,
    IncompleteImageError,
    lazy_stitch,
    open_multiscale,
    remove_incomplete,
    validate,
    write_labels,
    write_multiscale,
)
from data_helpers.jobs.manifest import Manifest
from data_helpers.ome_zarr.target import below

SMALL = (10, 16, 20)
KINDS = ("0.4", "0.5", "0.5 with shards")
OPTIONS: dict[str, Any] = {"axes": "zyx", "voxel_size": (1.0, 0.5, 0.5), "levels": 3}


def options(kind: str) -> dict[str, Any]:
    sizes = {"chunks": (8, 8, 8), "shards": (8, 16, 16) if "shards" in kind else None}
    return {**OPTIONS, **sizes, "version": kind[:3]}


def pixels(shape: tuple[int, ...] = (16, 24, 28)) -> NDArray[np.uint16]:
    return np.random.default_rng(5).integers(0, 60000, shape, dtype="uint16")


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture(scope="module", params=KINDS)
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound image, to be copied."""
    path = tmp_path_factory.mktemp("original") / "image.ome.zarr"
    write_multiscale(pixels(SMALL), path, **options(request.param))
    assert validate(path) == []
    return path


@pytest.fixture
def written(original: Path, tmp_path: Path) -> Path:
    """A sound image, to be damaged."""
    return shutil.copytree(original, tmp_path / "image.ome.zarr")


# ---- killed, and resumed

SLOW_WRITER = """
import os, sys, time
import numpy as np
from data_helpers import write_multiscale
from test_ome_zarr_faults import options, pixels

class Slow:
    # a source that takes its time, and has an identity that survives the process
    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
    def __getitem__(self, index):
        time.sleep(0.02)
        return self.values[index]
    def __dask_tokenize__(self):
        return "slow"

def run(folder, kind):
    write_multiscale(Slow(pixels()), folder + "/image", manifest=folder + "/manifest", n_jobs=2,
                     **options(kind))

# Importing takes longer than a run: import once, and fork a process for each run.
for line in sys.stdin:
    if not (pid := os.fork()):
        run(*line.rstrip("\\n").split("|"))
        os._exit(0)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def writers() -> Iterator[subprocess.Popen[str]]:
    """A process that forks a writer for each line it reads: the folder and the kind of image."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def start_writer(writers: subprocess.Popen[str], folder: Path, kind: str) -> int:
    assert writers.stdin
    assert writers.stdout
    print(f"{folder}|{kind}", file=writers.stdin, flush=True)
    return int(writers.stdout.readline())


def end_of_writer(writers: subprocess.Popen[str]) -> int:
    assert writers.stdout
    return int(writers.stdout.readline())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of POSIX")
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_writer_never_looks_complete_and_resumes_to_the_same_bytes(
    kind: str, tmp_path: Path, writers: subprocess.Popen[str]
) -> None:
    write_multiscale(pixels(), tmp_path / "reference", **options(kind))
    moments, done_before = random.Random(KINDS.index(kind)), 0
    record = tmp_path / "manifest" / "0.jsonl"
    for _ in range(3):
        pid = start_writer(writers, tmp_path, kind)
        enough = done_before + moments.randint(1, 5)
        while not record.exists() or len(record.read_bytes().splitlines()) - 1 < enough:
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        assert end_of_writer(writers) == signal.SIGKILL
        state = Manifest(record)
        assert len(state.done) >= enough > done_before  # what was done is not done again
        assert not state.finished
        done_before = len(state.done)
        with pytest.raises(IncompleteImageError, match="with the manifest of that run to go on"):
            open_multiscale(tmp_path / "image")
        assert [finding.kind for finding in validate(tmp_path / "image")] == ["incomplete"]
        attributes = zarr.open_group(tmp_path / "image", mode="r").attrs
        assert "ome" not in attributes
        assert "multiscales" not in attributes
    start_writer(writers, tmp_path, kind)
    assert end_of_writer(writers) == 0
    assert files(tmp_path / "image") == files(tmp_path / "reference")
    assert validate(tmp_path / "image", manifest=tmp_path / "manifest") == []


class Failing:
    """A source one of whose regions cannot be read, until it is repaired."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.broken, self.reads = True, 0

    def __getitem__(self, index: Any) -> Any:
        self.reads += 1
        if self.broken and index[0].start == 8 and index[2].start == 16:
            raise OSError("the disk is gone")
        return self.values[index]

    def __dask_tokenize__(self) -> str:
        return "failing"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_write_names_the_region_and_leaves_nothing(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ChunkError, match=r"8:\d+, .* while computing: OSError: the disk is gone"):
        write_multiscale(Failing(pixels()), tmp_path / "image", **options(kind))
    assert not (tmp_path / "image").exists()
    store: dict[str, Any] = {}
    with pytest.raises(ChunkError):
        write_multiscale(Failing(pixels()), store, **options(kind))
    assert store == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_write_equals_one_that_was_not_interrupted(kind: str, tmp_path: Path) -> None:
    source, target, manifest = Failing(pixels()), tmp_path / "image", tmp_path / "manifest"
    with pytest.raises(ChunkError):
        write_multiscale(source, target, manifest=manifest, **options(kind))
    with pytest.raises(IncompleteImageError):
        open_multiscale(target)
    lost = next(p for p in sorted((target / "0").rglob("*")) if p.is_file() and p.name[0] in "01")
    lost.unlink()  # done, but no longer there
    source.broken = False
    write_multiscale(source, target, manifest=manifest, **options(kind))
    write_multiscale(pixels(), tmp_path / "reference", **options(kind))
    assert files(target) == files(tmp_path / "reference")
    reads = source.reads
    write_multiscale(source, target, manifest=manifest, **options(kind))  # nothing is left to do
    assert source.reads == reads


def test_other_work_may_not_go_on_from_a_manifest(tmp_path: Path) -> None:
    source, target, manifest = Failing(pixels()), tmp_path / "image", tmp_path / "manifest"
    with pytest.raises(ChunkError):
        write_multiscale(source, target, manifest=manifest, **options("0.5"))
    before = files(tmp_path)
    with pytest.raises(ValueError, match="belongs to other work"):
        write_multiscale(pixels(), target, manifest=manifest, **options("0.5"))
    with pytest.raises(ValueError, match="belongs to other work"):
        write_multiscale(source, target, manifest=manifest, method="nearest", **options("0.5"))
    with pytest.raises(ValueError, match=r"level 0 of the unfinished image .* expected"):
        write_multiscale(
            source, target, manifest=manifest, **{**options("0.5"), "chunks": (4, 4, 4)}
        )
    assert files(tmp_path) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_of_other_work_is_refused_before_an_image_is_replaced(
    kind: str, tmp_path: Path
) -> None:
    target, manifest = tmp_path / "image", tmp_path / "manifest"
    write_multiscale(pixels(), target, manifest=manifest, **options(kind))
    before = files(tmp_path)
    anew = options(kind) | {"overwrite": True, "manifest": manifest}
    with pytest.raises(ValueError, match="belongs to other work"):
        write_multiscale(pixels(), target, method="nearest", **anew)
    with pytest.raises(ValueError, match="belongs to other work"):
        write_multiscale(pixels() + np.uint16(1), target, **anew)
    with pytest.raises(ValueError, match="belongs to other work"):
        write_multiscale(pixels(), target, **anew | {"chunks": (4, 4, 4), "shards": None})
    with pytest.raises(ValueError, match="belongs to other work"):
        write_multiscale(pixels(), tmp_path / "elsewhere", **anew)
    held = Manifest(manifest / "0.jsonl")
    assert held.identity is not None
    with held.writing(held.identity), pytest.raises(RuntimeError, match="another run holds"):
        write_multiscale(pixels(), target, **anew)
    assert files(tmp_path) == before
    (target / "0" / "foreign").touch()
    write_multiscale(pixels(), target, **anew)  # the same work, all of it anew
    assert files(target) == {n.removeprefix("image/"): v for n, v in before.items() if "image" in n}


@pytest.mark.slow
def test_an_unfinished_image_is_recognised_and_removed_or_replaced(tmp_path: Path) -> None:
    def interrupted() -> Path:
        with pytest.raises(ChunkError):
            write_multiscale(
                Failing(pixels()), tmp_path / "image", manifest=tmp_path / "m", **options("0.5")
            )
        return tmp_path / "image"

    target = interrupted()
    with pytest.raises(FileExistsError, match=r"whose writer was stopped.*give the manifest"):
        write_multiscale(pixels(), target, **options("0.5"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileExistsError, match=r"whose writer was stopped.*give the manifest"):
        write_multiscale(pixels(), target, manifest=tmp_path / "empty", **options("0.5"))
    remove_incomplete(target)
    assert not target.exists()
    shutil.rmtree(tmp_path / "m")
    write_multiscale(pixels(), interrupted(), overwrite=True, **options("0.4"))
    assert validate(target) == []
    with pytest.raises(ValueError, match="bears no mark of an unfinished write"):
        remove_incomplete(target)
    assert validate(target) == []


# ---- what is there already


def test_an_image_is_replaced_only_when_asked(written: Path) -> None:
    before = files(written)
    with pytest.raises(FileExistsError, match=r"a Zarr hierarchy .*overwrite=True to replace it"):
        write_multiscale(pixels(), written, **options("0.5"))
    assert files(written) == before
    write_multiscale(pixels((9, 9, 9)), written, overwrite=True, **{**OPTIONS, "levels": 1})
    assert open_multiscale(written).levels[0].shape == (9, 9, 9)
    assert not any(name.startswith(("1/", "2/", ".z")) for name in files(written))


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_is_not_zarr_is_never_deleted(overwrite: bool, written: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("meow")
    (tmp_path / "thesis.txt").write_text("chapter 1")
    (written / "notes.txt").write_text("do not delete")
    before = files(tmp_path)
    for target in (tmp_path / "photos", tmp_path / "thesis.txt", written):
        with pytest.raises(FileExistsError):
            write_multiscale(pixels(), target, overwrite=overwrite, **OPTIONS)
    assert files(tmp_path) == before


def test_an_image_is_not_replaced_by_what_is_read_from_it(written: Path) -> None:
    before = files(written)
    with pytest.raises(ValueError, match="the source lies in the target"):
        write_multiscale(open_multiscale(written)[0], written, overwrite=True, **OPTIONS)
    assert files(written) == before


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_empty_manifest_is_no_leave_to_replace_a_finished_image(
    version: str, tmp_path: Path
) -> None:
    target, empty = tmp_path / "image", tmp_path / "empty"
    empty.mkdir()
    write_multiscale(pixels(SMALL), target, **options(version))
    write_labels(pixels(SMALL), target, name="cells")
    before = files(tmp_path)
    with pytest.raises(FileExistsError, match="overwrite=True to replace it"):
        write_multiscale(pixels(SMALL) + 1, target, manifest=empty, **options(version))
    with pytest.raises(FileExistsError, match="overwrite=True to replace it"):
        write_labels(pixels(SMALL) + 1, target, name="cells", manifest=empty)
    assert files(tmp_path) == before


def test_a_finished_image_stays_when_its_manifest_is_of_other_work(tmp_path: Path) -> None:
    target, manifest = tmp_path / "image", tmp_path / "manifest"
    write_multiscale(pixels(SMALL), target, manifest=manifest, **options("0.5"))
    before = files(tmp_path)
    write_multiscale(pixels(SMALL), target, manifest=manifest, **options("0.5"))
    assert files(tmp_path) == before
    others = ({"voxel_size": 3}, {"name": "other"}, {"method": "nearest"}, {"chunks": (4, 4, 4)})
    for other in others:
        with pytest.raises(FileExistsError, match="overwrite=True to replace it"):
            write_multiscale(
                pixels(SMALL), target, manifest=manifest, **{**options("0.5"), **other}
            )
    with pytest.raises(FileExistsError, match="overwrite=True to replace it"):
        write_multiscale(pixels(SMALL) + 1, target, manifest=manifest, **options("0.5"))
    assert files(tmp_path) == before
    # Notes that have no end are of a run that did not finish this image.
    record = manifest / "1.jsonl"
    record.write_bytes(record.read_bytes().removesuffix(b'{"finished": true}\n'))
    with pytest.raises(FileExistsError, match="overwrite=True to replace it"):
        write_multiscale(pixels(SMALL), target, manifest=manifest, **options("0.5"))


def test_metadata_that_were_added_stay_when_nothing_is_left_to_do(tmp_path: Path) -> None:
    target, manifest = tmp_path / "image", tmp_path / "manifest"
    write_multiscale(pixels(SMALL), target, manifest=manifest, **options("0.5"))
    zarr.open_group(target, mode="r+").attrs["note"] = "mine"
    write_multiscale(pixels(SMALL), target, manifest=manifest, **options("0.5"))
    assert zarr.open_group(target, mode="r").attrs["note"] == "mine"


# ---- stopped while deleting


class Stopped(BaseException):
    """What stands for a kill."""


def stop_after(deletions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let so many files be deleted, on disk or in memory, and no more."""
    left = iter(range(deletions))

    def counted(delete: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **options: Any) -> Any:
            if next(left, None) is None:
                raise Stopped
            return delete(*args, **options)

        return counting

    monkeypatch.setattr(os, "unlink", counted(os.unlink))
    monkeypatch.setattr(MemoryStore, "delete", counted(MemoryStore.delete))


def a_copy(place: str, folder: Path, version: str) -> Any:
    """An image with labels and consolidated metadata, on disk or in memory."""
    original = folder / version
    if not original.exists():
        only = {**OPTIONS, "levels": 1, "version": version}
        write_multiscale(pixels((4, 6, 6)), original, **only)
        write_labels(pixels((4, 6, 6)), original, name="cells")
        with warnings.catch_warnings():  # consolidated metadata are not in the specification of 3
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(original)
    if place == "disk":
        return shutil.copytree(original, folder / "copy", dirs_exist_ok=True)
    # Chunks first, so that they are the first to go.
    contents = sorted(files(original).items(), key=lambda file: -file[0].count("/"))
    return {name: zarr.core.buffer.cpu.Buffer.from_bytes(content) for name, content in contents}


@pytest.mark.slow
@pytest.mark.parametrize("place", ["disk", "memory"])
@pytest.mark.parametrize(("old", "new"), list(product(("0.4", "0.5"), repeat=2)))
def test_an_image_whose_deletion_was_stopped_never_looks_complete(
    old: str, new: str, place: str, tmp_path: Path
) -> None:
    def replace(target: Any) -> None:
        again = {**OPTIONS, "levels": 1, "version": new}
        write_multiscale(pixels((4, 6, 6)) + 1, target, overwrite=True, **again)

    refused, work = 0, {**OPTIONS, "levels": 1, "version": old}
    write_multiscale(pixels((4, 6, 6)), tmp_path / "done", manifest=tmp_path / "m", **work)
    for after in range(100):
        target = a_copy(place, tmp_path, old)
        with pytest.MonkeyPatch.context() as patch, suppress(Stopped):
            stop_after(after, patch)
            replace(target)
            break
        for group in (below(target, "labels/cells"), target):
            try:
                open_multiscale(group)
            except (IncompleteImageError, FileNotFoundError) as error:
                reason = error
            else:  # nothing is deleted before the marks are there
                reason = None
                assert validate(group) == []
        if reason is not None:
            assert isinstance(reason, IncompleteImageError)
            refused += 1
            with pytest.raises((FileExistsError, ValueError), match=r"was stopped|other work"):
                write_multiscale(pixels((4, 6, 6)), target, manifest=tmp_path / "m", **work)
            if after % 2:
                remove_incomplete(target)
                assert not (target.exists() if place == "disk" else target)
        replace(target)
        assert len(open_multiscale(target)) == 1
        assert zarr.open_group(target, mode="r").metadata.consolidated_metadata is None
        assert validate(target) == []
    assert refused > 5
    assert validate(target) == []


def test_half_an_image_is_not_gone_on_with_from_the_notes_of_another(tmp_path: Path) -> None:
    target, manifest = tmp_path / "image", tmp_path / "manifest"
    write_multiscale(pixels(SMALL), target, manifest=manifest, **options("0.5"))
    write_multiscale(pixels(SMALL) + 1, target, overwrite=True, **options("0.5"))
    with pytest.MonkeyPatch.context() as patch:
        stop_after(1, patch)
        with pytest.raises(Stopped):
            write_multiscale(pixels(SMALL), target, overwrite=True, **options("0.5"))
    with pytest.raises(FileExistsError, match="whose writer was stopped"):
        write_multiscale(pixels(SMALL), target, manifest=manifest, **options("0.5"))


@pytest.mark.slow
@pytest.mark.parametrize("place", ["disk", "memory"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_removal_that_was_stopped_can_be_repeated(
    version: str, place: str, tmp_path: Path
) -> None:
    for after in range(100):
        target = a_copy(place, tmp_path, version)
        group = zarr.open_group(target, mode="r+", use_consolidated=False)
        group.attrs.put({"data_helpers": {"incomplete": "stopped"}})
        with pytest.MonkeyPatch.context() as patch:
            stop_after(after, patch)
            with suppress(Stopped):
                remove_incomplete(target)
        if not (target.exists() if place == "disk" else target):
            break
        with pytest.raises(IncompleteImageError):
            open_multiscale(target)
        remove_incomplete(target)
        assert not (target.exists() if place == "disk" else target)
    assert after > 5


def test_what_a_killed_writer_of_a_file_has_left_does_not_hinder_overwriting(
    written: Path,
) -> None:
    leftover = written / f"zarr.{'0a' * 16}.partial"
    leftover.write_text("{")
    write_multiscale(pixels(SMALL), written, overwrite=True, **options("0.5"))
    assert not leftover.exists()


def test_an_array_is_replaced_when_asked(tmp_path: Path) -> None:
    for zarr_format, version in ((2, "0.4"), (2, "0.5"), (3, "0.4"), (3, "0.5")):
        place = tmp_path / f"{zarr_format} {version}"
        keys: Any = {"name": "v2" if zarr_format == 2 else "default", "separator": "/"}
        zarr.create_array(
            place, data=np.ones((9, 9)), zarr_format=zarr_format, chunk_key_encoding=keys
        )
        write_multiscale(pixels(SMALL), place, overwrite=True, **options(version))
        assert validate(place) == []
        reference = tmp_path / f"new {version}"
        write_multiscale(pixels(SMALL), reference, overwrite=True, **options(version))
        assert files(place) == files(reference)


# ---- lazy sources


@pytest.mark.parametrize(
    "lazy",
    [
        da.from_zarr,
        lambda array: da.from_zarr(array) * 2,
        lambda array: dask.optimize(da.from_array(array, inline_array=True)[::-1] + 1)[0],
        lambda array: da.stack([da.zeros(array.shape, dtype="u2"), da.from_zarr(array)]).max(0),
        lambda array: da.map_blocks(
            partial(lambda stored, block: block + stored[0, 0, 0], array),
            da.zeros(array.shape, dtype="u2"),
            dtype="u2",
        ),
    ],
    ids=["as it is", "after an operation", "optimised", "with others", "an argument"],
)
def test_an_image_is_not_replaced_by_a_lazy_array_that_reads_it(lazy: Any, written: Path) -> None:
    before = files(written)
    with pytest.raises(ValueError, match=r"the source lies in the target .*, or reads from it"):
        write_multiscale(lazy(open_multiscale(written)[0]), written, overwrite=True, **OPTIONS)
    assert files(written) == before


def test_a_lazy_array_that_reads_another_image_may_replace_one(
    written: Path, original: Path, tmp_path: Path
) -> None:
    elsewhere = da.from_zarr(open_multiscale(original)[0])
    write_multiscale(elsewhere * 2, written, overwrite=True, **OPTIONS)
    np.testing.assert_array_equal(open_multiscale(written)[0][...], pixels(SMALL) * 2)
    tifffile.imwrite(tmp_path / "z0.tif", pixels(SMALL)[:5])
    tifffile.imwrite(tmp_path / "z1.tif", pixels(SMALL)[5:])
    stitched = lazy_stitch(tmp_path.glob("*.tif"), "z{z:d}.tif", ("z", "y", "x"))
    write_multiscale(stitched, written, overwrite=True, **OPTIONS)
    np.testing.assert_array_equal(open_multiscale(written)[0][...], pixels(SMALL))


def test_labels_may_be_made_lazily_from_their_image(written: Path) -> None:
    lazy = (da.from_zarr(open_multiscale(written)[0]) > 30000).astype("u1")
    for _ in range(2):
        cells = write_labels(lazy, written, name="cells", overwrite=True)
        np.testing.assert_array_equal(cells[0][...], pixels(SMALL) > 30000)
    with pytest.raises(ValueError, match="or reads from it"):
        write_labels(da.from_zarr(cells[0]) + 1, written, name="cells", overwrite=True)


def test_a_zip_file_is_refused_and_can_be_read(written: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "image"), "zip", written)
    with zarr.storage.ZipStore(archive, mode="r") as store:
        assert open_multiscale(store)[2].shape == open_multiscale(written)[2].shape
        assert validate(store) == []
    with pytest.raises(TypeError, match="write there, then zip it"):
        write_multiscale(pixels(), zarr.storage.ZipStore(tmp_path / "b.zip", mode="w"), **OPTIONS)


# ---- damage, and what `validate` says of it


def change(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the image metadata of a group."""
    file = next(f for f in (path / "zarr.json", path / ".zattrs") if f.exists())
    content = json.loads(file.read_text())
    inner = content["attributes"]["ome"] if file.name == "zarr.json" else content
    edit(inner)
    file.write_text(json.dumps(content))


def a_missing_chunk(path: Path) -> None:
    sorted(f for f in (path / "1").rglob("*") if f.is_file() and f.name.isdigit())[-1].unlink()


def a_damaged_chunk(path: Path) -> None:
    chunk = sorted(f for f in (path / "1").rglob("*") if f.is_file() and f.name.isdigit())[-1]
    chunk.write_bytes(chunk.read_bytes()[:-40] + bytes(40))


def a_missing_array(path: Path) -> None:
    shutil.rmtree(path / "2")


def another_shape(path: Path) -> None:
    file = next(f for f in (path / "1/zarr.json", path / "1/.zarray") if f.exists())
    content = json.loads(file.read_text())
    content["shape"][1] += 3
    file.write_text(json.dumps(content))


def another_dtype(path: Path) -> None:
    file = next(f for f in (path / "1/zarr.json", path / "1/.zarray") if f.exists())
    content = json.loads(file.read_text())
    content["data_type" if "data_type" in content else "dtype"] = (
        "int16" if "data_type" in content else "<i2"
    )
    file.write_text(json.dumps(content))


def transformation(level: int, number: int, vector: list[float]) -> Callable[[Path], None]:
    def edit(metadata: dict[str, Any]) -> None:
        one = metadata["multiscales"][0]["datasets"][level]["coordinateTransformations"][number]
        one[one["type"]] = vector

    return lambda path: change(path, edit)


def axis(number: int, **members: Any) -> Callable[[Path], None]:
    return lambda path: change(
        path, lambda metadata: metadata["multiscales"][0]["axes"][number].update(members)
    )


def version(path: Path) -> None:
    def edit(metadata: dict[str, Any]) -> None:
        (metadata if "version" in metadata else metadata["multiscales"][0])["version"] = "0.3"

    change(path, edit)


DAMAGE: list[tuple[Callable[[Path], None], str, str, str]] = [
    (a_missing_chunk, "chunk", "1", "missing: the store has no such key"),
    (a_damaged_chunk, "chunk", "1", "unreadable"),
    (a_missing_array, "array", "2", "the metadata name this array, but it is not there"),
    (another_shape, "array", "1", "the scale or the shape is wrong"),
    (another_dtype, "array", "1", "has dtype int16, but the full resolution has uint16"),
    (transformation(1, 0, [1.0, 1.2, 1.0]), "array", "1", "the scale or the shape is wrong"),
    (transformation(1, 0, [1.0, 0.5, 1.0]), "array", "1", "the scale or the shape is wrong"),
    (transformation(1, 1, [0.0, 0.0, 0.25]), "array", "1", "expected 0.25, the centre"),
    (transformation(2, 1, [0.5, 0.75]), "array", "2", "for its dimensions"),
    (axis(1, name="z"), "model", "", "[Uu]nique"),
    (axis(1, type="time"), "model", "", "(?i)time"),
    (axis(2, unit="um"), "rule", "", "unit 'um'; expected a name"),
    (axis(2, long_name=None), "rule", "", r"axes\[2\].long_name is null"),
    (version, "model", "", "0.3|0.4|0.5"),
    (version, "rule", "", "version '0.3' in Zarr"),
    (lambda path: change(path, lambda m: m.update(omero=None)), "rule", "", "omero is null"),
    (lambda path: change(path, lambda m: m.clear()), "model", "", "no 'multiscales' metadata"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("damage", "kind", "place", "message"), DAMAGE)
def test_damage_is_found_and_said_where(
    damage: Callable[[Path], None], kind: str, place: str, message: str, written: Path
) -> None:
    damage(written)
    found = validate(written)
    assert any(
        (one.kind, one.place) == (kind, place) and re.search(message, one.message) for one in found
    ), [str(one) for one in found]


@pytest.mark.slow
def test_all_findings_are_listed_not_only_the_first(written: Path) -> None:
    labels = (pixels(SMALL) > 30000).astype("u1")
    write_labels(labels, written, name="cells")
    write_labels(labels, written, name="nuclei")
    assert validate(written) == []
    for damage in (
        a_missing_chunk,
        transformation(2, 1, [0.0, 0.0, 0.0]),
        axis(0, unit="um"),
        lambda path: shutil.rmtree(path / "labels/cells"),
        lambda path: a_missing_chunk(path / "labels/nuclei"),
    ):
        damage(written)
    found = {(one.kind, one.place) for one in validate(written)}
    expected = {("chunk", "1"), ("array", "2"), ("rule", ""), ("labels", "labels/cells")}
    assert expected | {("chunk", "labels/nuclei/1")} <= found
    assert any(str(one).startswith("labels/cells (labels): is listed") for one in validate(written))


@pytest.mark.slow
def test_labels_whose_writer_was_stopped_are_found_and_not_listed(written: Path) -> None:
    class FailingLabels(Failing):
        def __getitem__(self, index: Any) -> Any:
            return super().__getitem__(index).astype("u2")

    with pytest.raises(ChunkError):
        write_labels(FailingLabels(pixels(SMALL)), written, name="cells", manifest=written / "../m")
    assert open_multiscale(written).labels == ()
    found = [(one.kind, one.place) for one in validate(written)]
    assert found == [("labels", "labels/cells"), ("incomplete", "labels/cells")]


def without_label_metadata(path: Path) -> None:
    change(path, lambda metadata: metadata.pop("image-label"))


def one_level_less(path: Path) -> None:
    change(path, lambda metadata: metadata["multiscales"][0]["datasets"].pop())


def scaled(factor: float, shift: float) -> Callable[[Path], None]:
    """All levels with other voxel sizes or positions, which agree among each other."""

    def edit(metadata: dict[str, Any]) -> None:
        for dataset in metadata["multiscales"][0]["datasets"]:
            scale, translation = dataset["coordinateTransformations"]
            scale["scale"] = [factor * size for size in scale["scale"]]
            moved = [factor * place + shift for place in translation["translation"]]
            translation["translation"] = moved

    return lambda path: change(path, edit)


@pytest.mark.parametrize(
    ("damage", "place", "message"),
    [
        (without_label_metadata, "", "there is no 'image-label' metadata; expected it"),
        (one_level_less, "", "has 2 levels, but the image has 3"),
        (scaled(2, 0), "/0", "has scale 1 along y, but the image has 0.5"),
        (scaled(1, 5), "/2", "has translation 5.75 along x, but the image has 0.75"),
    ],
)
def test_labels_that_do_not_suit_their_image_are_found(
    damage: Callable[[Path], None], place: str, message: str, written: Path
) -> None:
    write_labels(pixels(SMALL), written, name="cells")
    assert validate(written) == []
    damage(written / "labels" / "cells")
    found = validate(written)
    assert {one.kind for one in found} == {"labels"}, [str(one) for one in found]
    assert any(one.place == f"labels/cells{place}" and message in one.message for one in found)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_of_another_shape_or_other_axes_are_found(version: str, tmp_path: Path) -> None:
    for path, shape in ((tmp_path / "a", (2, 12, 20)), (tmp_path / "b", (2, 12, 30))):
        write_multiscale(np.ones(shape), path, axes="cyx", voxel_size=1, levels=2, version=version)
        write_labels(np.ones(shape[1:], "u1"), path, name="flat")
        write_labels(np.ones(shape, "u1"), path, name="per channel")
        assert validate(path) == []
    shutil.rmtree(tmp_path / "b/labels/per channel")
    shutil.move(tmp_path / "a/labels/per channel", tmp_path / "b/labels/per channel")
    found = [str(one) for one in validate(tmp_path / "b")]
    assert found == ["labels/per channel/0 (labels): has 20 voxels along x, but the image has 30"]
    change(
        tmp_path / "b/labels/flat",
        lambda metadata: metadata["multiscales"][0]["axes"][0].update(name="z"),
    )
    assert "labels/flat (labels): has axes ('z', 'x'), but the image has ('c', 'y', 'x'); " in str(
        [str(one) for one in validate(tmp_path / "b")]
    )


@pytest.mark.slow
def test_with_a_manifest_changed_values_are_found_where_no_checksum_is_stored(
    tmp_path: Path,
) -> None:
    manifest = tmp_path / "manifest"
    write_multiscale(pixels(), tmp_path / "image", manifest=manifest, **options("0.4"))
    level = zarr.open_array(tmp_path / "image", path="1", mode="r+", zarr_format=2)
    level[0, 0, 0] += 1
    assert validate(tmp_path / "image") == []
    (found,) = validate(tmp_path / "image", manifest=manifest)
    assert (found.kind, found.place) == ("chunk", "1")
    assert "not those that were written" in found.message


def test_what_is_no_image_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no Zarr group at"):
        open_multiscale(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="there is no Zarr group at"):
        validate(tmp_path / "nothing")
    zarr.create_array(tmp_path / "array", shape=(4,), dtype="u1")
    with pytest.raises(FileNotFoundError, match="there is a Zarr array at"):
        open_multiscale(tmp_path / "array")
    zarr.create_group(tmp_path / "group", attributes={"colour": "red"})
    with pytest.raises(ValueError, match=r"no 'multiscales' metadata, only \['colour'\]"):
        open_multiscale(tmp_path / "group")
    write_multiscale(pixels(), tmp_path / "image", **options("0.5"))
    shutil.rmtree(tmp_path / "image" / "1")
    with pytest.raises(FileNotFoundError, match=r"the array '1', which is not there"):
        open_multiscale(tmp_path / "image")
