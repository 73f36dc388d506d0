"""What is to be written, checked and complete, before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from operator import index as as_int
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numcodecs.abc import Codec as Zarr2Codec
from zarr.abc.codec import BytesBytesCodec

from data_helpers.ome_zarr.axes import AXIS_TYPES, axis_units, check_axes, full_voxel_size
from data_helpers.ome_zarr.hints import Channel, check_channels
from data_helpers.ome_zarr.levels import (
    Factors,
    level_factors,
    level_scale,
    level_translation,
)
from data_helpers.ome_zarr.methods import METHODS, Method

__all__ = ["Plan", "Version", "plan_image"]

Version: TypeAlias = Literal["0.4", "0.5"]
Sizes: TypeAlias = tuple[int, ...]
CHUNK_BYTES = 2**22


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything about an image but its voxels."""

    shape: Sizes
    dtype: np.dtype[Any]
    axes: tuple[str, ...]
    units: tuple[str | None, ...]
    voxel_size: tuple[float, ...]
    factors: tuple[Sizes, ...]
    chunks: Sizes
    shards: Sizes | None
    version: Version
    compressors: Any
    method: Method
    name: str
    channels: tuple[Channel, ...]

    @property
    def shapes(self) -> list[Sizes]:
        """Shape of each level."""
        return [
            tuple(-(-n // f) for n, f in zip(self.shape, factors, strict=True))
            for factors in self.factors
        ]

    @property
    def scales(self) -> list[tuple[float, ...]]:
        """Voxel size of each level."""
        return [level_scale(factors, self.voxel_size) for factors in self.factors]

    @property
    def translations(self) -> list[tuple[float, ...]]:
        """Centre of the first voxel of each level."""
        return [level_translation(factors, self.voxel_size) for factors in self.factors]

    def level_chunks(self, level: int) -> Sizes:
        """Chunks of a level: those asked for, no longer than the level."""
        return tuple(min(pair) for pair in zip(self.chunks, self.shapes[level], strict=True))

    def level_shards(self, level: int) -> Sizes | None:
        """Shards of a level: those asked for, or as many chunks as the level has."""
        if self.shards is None:
            return None
        return tuple(
            n if n <= chunk else min(shard, -(-n // chunk) * chunk)
            for n, chunk, shard in zip(self.shapes[level], self.chunks, self.shards, strict=True)
        )


def plan_image(
    source: Any,
    *,
    axes: str | Sequence[str],
    voxel_size: Sequence[float] | float,
    unit: str | Mapping[str, str] | None = "micrometer",
    chunks: Sequence[int] | None = None,
    shards: Sequence[int] | None = None,
    version: Version = "0.5",
    factors: Factors = 2,
    levels: int | None = None,
    compressors: Any = None,
    method: Method = "mean",
    name: str = "image",
    channels: Sequence[Channel] = (),
) -> Plan:
    """Check what was asked for, and fill in what was not. Arguments as for `write_multiscale`."""
    shape, dtype = _shape_and_dtype(source)
    names = check_axes(axes, len(shape))
    _check_method(method, dtype)
    if version not in get_args(Version):
        raise ValueError(f"version is {version!r}; expected one of {get_args(Version)}")
    sizes = full_voxel_size(names, voxel_size)
    chosen_chunks = _chosen_chunks(source, dtype, names, chunks)
    return Plan(
        shape=shape,
        dtype=dtype,
        axes=names,
        units=axis_units(names, unit),
        voxel_size=sizes,
        factors=tuple(
            level_factors(shape, factors, levels, axes=names, voxel_size=sizes, until=chosen_chunks)
        ),
        chunks=chosen_chunks,
        shards=_checked_shards(shards, chosen_chunks, version),
        version=version,
        compressors=_checked_compressors(compressors, version),
        method=method,
        name=name,
        channels=check_channels(channels, names, shape),
    )


def _shape_and_dtype(source: Any) -> tuple[Sizes, np.dtype[Any]]:
    if not (hasattr(source, "shape") and hasattr(source, "dtype")):
        raise TypeError(
            f"the source is a {type(source).__name__}; expected an array with shape and dtype, "
            "such as NumPy's, Zarr's or Dask's"
        )
    dtype = np.dtype(source.dtype)
    if dtype.kind not in "buif":
        raise TypeError(
            f"the source has dtype {dtype}; expected whole numbers, floats or booleans: store "
            "complex data as two channels"
        )
    return tuple(as_int(length) for length in source.shape), dtype.newbyteorder("=")


def _check_method(method: str, dtype: np.dtype[Any]) -> None:
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; expected one of {', '.join(map(repr, METHODS))}")
    if method == "mode" and dtype.kind == "f":
        raise TypeError(
            f"method is 'mode' for dtype {dtype}; expected whole numbers: labels kept as floats "
            "become whole with astype('uint32'), intensities take method='mean'"
        )
    if method == "mean" and (dtype.kind == "b" or (dtype.kind in "ui" and dtype.itemsize > 4)):
        raise TypeError(
            f"method is 'mean' for dtype {dtype}, whose sums could overflow or mean nothing; "
            "expected integers of at most 32 bits, or floats: convert with astype, or, for labels "
            "and masks, use method='mode'"
        )


def _chosen_chunks(source: Any, dtype: np.dtype[Any], axes: tuple[str, ...], chunks: Any) -> Sizes:
    """Chunks asked for, else the source's regular ones, else cubes of at most 4 MiB."""
    own = getattr(source, "chunks", None)
    if chunks is None and own is not None and all(isinstance(size, int) for size in own):
        chunks = own
    if chunks is None:
        space = [AXIS_TYPES[name] == "space" for name in axes]
        # A power of two, so that windows of two, four, eight do not straddle chunks.
        side = 2 ** (int(log2(CHUNK_BYTES / dtype.itemsize)) // sum(space))
        chunks = [side if is_space else 1 for is_space in space]
    return _checked_sizes("chunks", chunks, len(axes))


def _checked_sizes(word: str, sizes: Sequence[int], dimensions: int) -> Sizes:
    given = tuple(as_int(size) for size in sizes)
    if len(given) != dimensions or min(given) < 1:
        raise ValueError(
            f"{word} are {given} for {dimensions} axes; expected one size of at least 1 per axis"
        )
    return given


def _checked_shards(shards: Sequence[int] | None, chunks: Sizes, version: Version) -> Sizes | None:
    if shards is None:
        return None
    if version == "0.4":
        raise ValueError(
            f"shards are {tuple(shards)} for version '0.4', which is stored as Zarr 2, without "
            "shards; expected no shards, or version '0.5'"
        )
    given = _checked_sizes("shards", shards, len(chunks))
    for axis, (shard, chunk) in enumerate(zip(given, chunks, strict=True)):
        if shard < chunk:
            raise ValueError(
                f"chunks {chunks} are larger than shards {given} on axis {axis}: a shard holds "
                "whole chunks; expected shards that are multiples of the chunks"
            )
        if shard % chunk:
            raise ValueError(
                f"shards {given} are not multiples of the chunks {chunks} on axis {axis}; expected "
                f"for example {shard // chunk * chunk} there"
            )
    return given


def _checked_compressors(compressors: Any, version: Version) -> Any:
    """Refuse the codecs of the other Zarr format before Zarr does, half-way."""
    listed = compressors if isinstance(compressors, list | tuple) else [compressors]
    wanted, word = (
        (Zarr2Codec, "numcodecs, such as numcodecs.Zstd(level=3)")
        if version == "0.4"
        else (BytesBytesCodec, "zarr.codecs, such as zarr.codecs.ZstdCodec(level=3)")
    )
    for codec in listed:
        if codec is not None and not isinstance(codec, wanted):
            raise TypeError(
                f"compressors has a {type(codec).__module__}.{type(codec).__name__} for version "
                f"{version!r}; expected a codec of {word}"
            )
    return compressors
