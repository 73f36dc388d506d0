"""Directories of image tiles as a microscope leaves them, sound or with chosen faults."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_helpers.phantoms.heart import phantom_heart

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FAULTS", "TILE_NAME", "make_tiles"]

TILE_NAME = (
    "ex6-2_CamA_ch{channel}_CAM1_stack{stack:04}_{wavelength}nm_{msec:07}msec_"
    "{msec_abs:010}msecAbs_{x:03}x_{y:03}y_{z:03}z_{t:04}t.tif"
)
FAULTS = (
    "missing",
    "short",
    "corrupt",
    "duplicate",
    "wrong_dtype",
    "empty",
    "not_tiff",
    "no_permission",
)
_WAVELENGTHS = (488, 560, 642, 405, 730)


@dataclass(frozen=True)
class _Tile:
    """One file to be: its path, the fields of its name, and its pixels' place in the image."""

    path: Path
    fields: Mapping[str, int]
    region: tuple[int | slice, ...]


def make_tiles(
    directory: str | os.PathLike[str],
    *,
    image: npt.NDArray[Any] | None = None,
    grid: Sequence[int] | None = None,
    overlap: int | Sequence[int] = 0,
    faults: Sequence[str] | Mapping[str, int] = (),
    name: str = TILE_NAME,
) -> list[Path]:
    """Cut an image into TIFF files, one per channel, time point and tile.

    ::

        image, one plane             grid=(2, 3), overlap=0     overlap=w: tiles after the
        +-----------------+          +-----+-----+-----+        first begin w earlier
        |                 |          | 0,0 | 0,1 | 0,2 |        +-----+
        |                 |    ->    +-----+-----+-----+        |   +-+----+
        |                 |          | 1,0 | 1,1 | 1,2 |        +---|-+    |
        +-----------------+          +-----+-----+-----+            +------+

    Parameters
    ----------
    directory : path
        Where to write; made if it does not exist.
    image : numpy.ndarray, optional
        Two to five axes, the last ones of c, t, z, y, x. Each file holds z, y, x (or y, x) of
        one channel and time point. Without it, a small synthetic image of shape
        (2, 3, 8, 96, 128), uint16.
    grid : sequence of int, optional
        The number of tiles along the spatial axes (z, y, x, or y, x). Lengths that do not
        divide leave the first tiles one voxel longer. Default: (1, 2, 2) or (2, 2).
    overlap : int or sequence of int
        How many voxels neighbours share; one number for y and x, or one for each spatial axis.
    faults : sequence or mapping
        What to spoil: names, or names with the number of the file (in the order of the result
        without faults) each strikes. Without numbers the files struck are spread evenly.
        missing: no file; short: the last plane (or row) lacks; corrupt: headers are sound, one
        page cannot be decoded; duplicate: a second file with the same indices, one millisecond
        later; wrong_dtype: pixels as float32 (float64 for a float32 image); empty: no bytes;
        not_tiff: a text; no_permission: a file that may not be read (an administrator still
        may).
    name : str
        A format string with any of the fields channel, stack, wavelength, msec, msec_abs, x,
        y, z and t.

    Returns
    -------
    list of pathlib.Path
        The files there are, ordered by channel, time, z, y, x. A duplicate follows its twin.

    Raises
    ------
    ValueError
        If the image, grid, overlap or faults cannot be, or two tiles would get one name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = make_tiles(folder, image=np.zeros((4, 6), np.uint8), grid=(1, 2),
    ...                        name="row{y}_column{x}.tif")
    >>> [path.name for path in paths]
    ['row0_column0.tif', 'row0_column1.tif']
    """
    pixels = _default_image() if image is None else np.asarray(image)
    if not 2 <= pixels.ndim <= 5:
        raise ValueError(
            f"image has {pixels.ndim} axes, expected 2 to 5: the last of c, t, z, y, x"
        )
    tiles = _layout(Path(directory), pixels.shape, grid, overlap, name)
    struck = _struck(faults, len(tiles))
    if "duplicate" in struck.values():
        _twin(tiles[0], name)  # raises before anything is written
    Path(directory).mkdir(parents=True, exist_ok=True)
    written = (
        _write(tile, pixels[tile.region], struck.get(number), name)
        for number, tile in enumerate(tiles)
    )
    return list(itertools.chain.from_iterable(written))


def _default_image() -> npt.NDArray[np.uint16]:
    """Return two channels and three time points of a small heart."""
    hearts = [phantom_heart((96, 128, 8), seed=time).transpose(2, 0, 1) for time in range(3)]
    series = np.stack(hearts).astype(np.uint16)
    return np.stack([series * 100, 30000 - series * 50])


def _layout(
    folder: Path,
    shape: tuple[int, ...],
    grid: Sequence[int] | None,
    overlap: int | Sequence[int],
    name: str,
) -> list[_Tile]:
    """Return all tiles in the order of their indices."""
    space = shape[-3:]
    counts = tuple(grid) if grid is not None else (1, 2, 2)[-len(space) :]
    shared = (0, overlap, overlap)[-len(space) :] if isinstance(overlap, int) else tuple(overlap)
    if not len(counts) == len(shared) == len(space):
        raise ValueError(
            f"grid {counts} and overlap {shared} need {len(space)} numbers each, "
            f"one per spatial axis of {space}"
        )
    pieces = [_pieces(*sizes) for sizes in zip(space, counts, shared, strict=True)]
    lead = (1, 1, *shape[:-3])[-2:]
    tiles = []
    for channel, time in itertools.product(*map(range, lead)):
        for index in itertools.product(*(range(count) for count in counts)):
            z, y, x = (0, *index)[-3:]
            fields = _fields(channel, time, z, y, x)
            where = (channel, time)[2 - len(shape[:-3]) :]
            region: tuple[int | slice, ...] = (
                *where,
                *(piece[i] for piece, i in zip(pieces, index, strict=True)),
            )
            tiles.append(_Tile(folder / name.format(**fields), fields, region))
    names = {tile.path for tile in tiles}
    if len(names) < len(tiles):
        raise ValueError(f"{len(tiles)} tiles would get {len(names)} names from {name!r}")
    return tiles


def _pieces(length: int, count: int, overlap: int) -> list[slice]:
    """Return where the tiles lie along one axis."""
    if not 1 <= count <= length:
        raise ValueError(f"grid asks for {count} tiles along an axis of {length} voxels")
    if not 0 <= overlap <= length // count:
        raise ValueError(f"overlap is {overlap}, expected 0 to {length // count}, a tile's length")
    short, longer = divmod(length, count)
    ends = list(itertools.accumulate(short + (number < longer) for number in range(count)))
    return [slice(max(0, end - overlap), stop) for end, stop in itertools.pairwise([0, *ends])]


def _fields(channel: int, time: int, z: int, y: int, x: int) -> dict[str, int]:
    return {
        "channel": channel,
        "stack": time,
        "wavelength": _WAVELENGTHS[channel % len(_WAVELENGTHS)],
        "msec": 4300 * time,
        "msec_abs": 1291795 + 4300 * time,
        "x": x,
        "y": y,
        "z": z,
        "t": time,
    }


def _struck(faults: Sequence[str] | Mapping[str, int], count: int) -> dict[int, str]:
    """Return which fault strikes which file."""
    if isinstance(faults, str):
        raise ValueError(f"faults is the string {faults!r}, expected a list such as [{faults!r}]")
    unknown = [fault for fault in faults if fault not in FAULTS]
    if unknown:
        raise ValueError(f"faults has {unknown[0]!r}, expected some of: {', '.join(FAULTS)}")
    if not isinstance(faults, Mapping):
        faults = {fault: i * count // len(faults) for i, fault in enumerate(faults)}
    struck = {number: fault for fault, number in faults.items()}
    if len(struck) < len(faults) or not all(0 <= number < count for number in struck):
        raise ValueError(
            f"faults are to strike the files {sorted(faults.values())}, "
            f"expected {len(faults)} different ones of 0 to {count - 1}"
        )
    return struck


def _twin(tile: _Tile, name: str) -> _Tile:
    """Return a tile with the same indices and another name."""
    later = {"msec": tile.fields["msec"] + 1, "msec_abs": tile.fields["msec_abs"] + 1}
    path = tile.path.with_name(name.format(**{**tile.fields, **later}))
    if path == tile.path:
        raise ValueError(f"a duplicate needs a field msec or msec_abs in the name, found {name!r}")
    return replace(tile, path=path)


def _write(tile: _Tile, pixels: npt.NDArray[Any], fault: str | None, name: str) -> Iterator[Path]:
    """Write one file, as sound as its fault lets it be; yield the paths that exist then."""
    path = tile.path
    if fault == "missing":
        return
    if fault == "short":
        pixels = pixels[:-1]
    if fault == "wrong_dtype":
        pixels = pixels.astype(np.float64 if pixels.dtype == np.float32 else np.float32)
    _write_tiff(path, pixels)
    yield path
    if fault == "corrupt":
        _garble(path, pixels)
    elif fault == "empty":
        os.truncate(path, 0)
    elif fault == "not_tiff":
        path.write_text("The camera was not ready.\n", encoding="utf-8")
    elif fault == "no_permission":
        path.chmod(0)
    elif fault == "duplicate":
        twin = _twin(tile, name)
        _write_tiff(twin.path, pixels)
        yield twin.path


def _garble(path: Path, pixels: npt.NDArray[Any]) -> None:
    """Leave a compressed file whose headers are sound and whose middle page cannot be decoded."""
    import tifffile

    tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None, compression="zlib")
    with tifffile.TiffFile(path) as file:
        page = file.pages[len(file.pages) // 2]
        start, count = page.dataoffsets[0], page.databytecounts[0]
    with path.open("r+b") as raw:
        raw.seek(start)
        raw.write(b"\xff" * count)


def _write_tiff(path: Path, pixels: npt.NDArray[Any]) -> None:
    import tifffile

    tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None)
