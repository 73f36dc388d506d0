"""Figures show what they claim: counts, areas, scales and colours, checked on the drawn artists."""

import inspect
import os
from base64 import b64decode
from collections.abc import Sequence
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import dask.array as da
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from strategies import chunks_for, indices_in, shapes
from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import ByteRequest
from zarr.storage import MemoryStore, WrapperStore

from data_helpers import plotting
from data_helpers.plotting import (
    COLOURS,
    HATCHES,
    plot_bars,
    plot_chunks,
    plot_files,
    plot_pyramid,
    plot_seams,
    plot_slice,
    use_style,
)
from data_helpers.plotting.isometric import project

VOLUME = np.arange(3 * 4 * 5, dtype="uint16").reshape(3, 4, 5)


class Recording(WrapperStore[MemoryStore]):
    """A store in memory that writes down what is read."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.keys: list[str] = []

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        self.keys.append(key)
        return await super().get(key, prototype, byte_range)


def shown(ax: Axes) -> NDArray[Any]:
    """The values of the image on an Axes."""
    return np.asarray(ax.images[0].get_array())


def title(ax: Axes) -> str:
    return ax.get_title(loc="left")


def plain(text: str) -> str:
    """Text with signs that are easily mistaken written as letters."""
    return text.replace("\N{MULTIPLICATION SIGN}", "x").replace("\N{THIN SPACE}", " ")


def drawn(ax: Axes, gid: str) -> list[NDArray[np.float64]]:
    """The corners of everything drawn under one name, without the point that closes it."""
    found = [path for item in ax.collections if item.get_gid() == gid for path in item.get_paths()]
    return [path.vertices[:4] for path in found]


def area(corners: NDArray[np.float64]) -> float:
    """Area of a polygon (shoelace formula)."""
    x, y = corners.T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def spans(box: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """Start and stop of a box along rows and columns."""
    (left, top), (right, bottom) = box.min(0), box.max(0)
    return (top, bottom), (left, right)


# Slices


@pytest.mark.parametrize("kind", ["numpy", "zarr", "dask"])
@pytest.mark.parametrize(("z_idx", "meant"), [(0, 0), (2, 2), (-1, 2), (-3, 0)])
def test_a_slice_holds_the_values_of_that_slice(kind: str, z_idx: int, meant: int) -> None:
    makers = {
        "numpy": lambda: VOLUME,
        "zarr": lambda: zarr.array(VOLUME, chunks=(2, 2, 2)),
        "dask": lambda: da.from_array(VOLUME, chunks=2),
    }
    ax = plot_slice(makers[kind](), z_idx=z_idx)
    np.testing.assert_array_equal(shown(ax), VOLUME[meant])
    assert title(ax) == f"z = {meant} of 0 to 2"
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("y (voxels)", "x (voxels)")


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("z", [0, 1, 2])
def test_only_the_chunks_of_the_slice_are_read_from_a_store(zarr_format: int, z: int) -> None:
    store = Recording(MemoryStore())
    array = zarr.create_array(
        store, shape=(6, 6, 6), chunks=(2, 3, 6), dtype="uint8", zarr_format=zarr_format
    )
    array[:] = 1
    store.keys.clear()
    plot_slice(array, z_idx=5, z_axis=z)
    prefix, between = ("c/", "/") if zarr_format == 3 else ("", ".")
    needed = [cell for cell in product(range(3), range(2), range(1)) if cell[z] == (2, 1, 0)[z]]
    assert sorted(store.keys) == sorted(
        prefix + between.join(str(place) for place in cell) for cell in needed
    )


def test_only_the_chunks_of_the_slice_are_computed_by_dask() -> None:
    computed: list[Any] = []

    def note(block: NDArray[Any], block_info: Any = None) -> NDArray[Any]:
        computed.append(block_info[0]["chunk-location"])
        return block

    array = da.zeros((6, 6, 6), chunks=(2, 3, 6), dtype="uint8")
    plot_slice(array.map_blocks(note, dtype="uint8", meta=np.empty((0, 0, 0), "uint8")), z_idx=2)
    assert sorted(computed) == [(1, 0, 0), (1, 1, 0)]


def test_the_axis_named_z_is_cut_wherever_it_is() -> None:
    named = zarr.create_array(
        MemoryStore(), shape=(3, 4, 5), dtype="uint16", dimension_names=["x", "y", "z"]
    )
    named[:] = VOLUME
    old = zarr.create_array(MemoryStore(), shape=(3, 4, 5), dtype="uint16", zarr_format=2)
    old[:] = VOLUME
    old.attrs["_ARRAY_DIMENSIONS"] = ["x", "y", "z"]
    for ax in (
        plot_slice(named, z_idx=4),
        plot_slice(old, z_idx=4),
        plot_slice(VOLUME, z_idx=4, axes="xyz"),
        plot_slice(old, z_idx=4, z_axis="z"),
    ):
        np.testing.assert_array_equal(shown(ax), VOLUME[:, :, 4].T)  # x to the right
        assert title(ax) == "z = 4 of 0 to 4"
        assert (ax.get_ylabel(), ax.get_xlabel()) == ("y (voxels)", "x (voxels)")


def test_the_dimensions_of_an_xarray_are_used() -> None:
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(VOLUME, dims=("y", "z", "x"))
    np.testing.assert_array_equal(shown(plot_slice(array, z_idx=3)), VOLUME[:, 3, :])


def test_names_given_win_over_names_written_and_a_position_over_both() -> None:
    array = zarr.create_array(
        MemoryStore(), shape=(3, 4, 5), dtype="uint16", dimension_names=["x", "y", "z"]
    )
    array[:] = VOLUME
    np.testing.assert_array_equal(shown(plot_slice(array, z_idx=1, axes="zyx")), VOLUME[1])
    np.testing.assert_array_equal(shown(plot_slice(array, z_idx=1, z_axis=0)), VOLUME[1].T)
    np.testing.assert_array_equal(shown(plot_slice(array, z_idx=1, z_axis=-1)), VOLUME[:, :, 1].T)


def test_without_names_another_axis_than_the_first_is_not_called_z() -> None:
    ax = plot_slice(VOLUME, z_idx=4, z_axis=2)
    assert title(ax) == "axis 2 = 4 of 0 to 4"
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("axis 0 (voxels)", "axis 1 (voxels)")


def test_voxel_sizes_follow_their_axes_and_give_true_proportions() -> None:
    ax = plot_slice(VOLUME, z_idx=1, z_axis=1, axes="zyx", voxel_size=(3, 2, 0.5), unit="um")
    assert ax.images[0].get_extent() == [-0.25, 2.25, 7.5, -1.5]  # 5 columns, 3 rows
    assert ax.get_aspect() == 1
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("z (µm)", "x (µm)")
    assert title(ax) == "y = 1 of 0 to 3, at 2 µm"
    across = plot_slice(VOLUME, z_idx=0, axes="xyz", voxel_size=(3, 2, 0.5), unit="millimeter")
    assert across.images[0].get_extent() == [-1.5, 7.5, 7.0, -1.0]  # x has 3 voxels of 3 mm


@pytest.mark.slow
@pytest.mark.parametrize(("z_idx", "z_axis", "axis"), [(3, None, 0), (-4, None, 0), (5, 2, 2)])
def test_a_slice_outside_names_the_axis_its_length_and_the_way_out(
    z_idx: int, z_axis: int | None, axis: int
) -> None:
    length = VOLUME.shape[axis]
    says = rf"z_idx is {z_idx}, but axis {axis} has {length} slices.*z_axis=0, 1 or 2"
    with pytest.raises(IndexError, match=says):
        plot_slice(VOLUME, z_idx=z_idx, z_axis=z_axis)
    with pytest.raises(IndexError, match=r"axis 1 \('z'\) has 4 slices"):
        plot_slice(VOLUME, z_idx=4, axes="yzx")
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("array", "options", "says"),
    [
        (np.zeros((2, 3, 4, 5)), {}, r"4 axes, expected 3: choose one .* array\[0\]"),
        (np.zeros((1, 2, 3, 4, 5)), {"axes": "tczyx"}, r"5 axes \(t, c, z, y, x\).*array\[0, 0\]"),
        (np.zeros((4, 5)), {}, "2 axes, expected 3: show a plane as the volume of one slice"),
        (VOLUME, {"z_axis": 3}, "z_axis is 3; expected a position from 0 to 2"),
        (VOLUME, {"z_axis": "z"}, "no names"),
        (VOLUME, {"z_axis": "t", "axes": "zyx"}, "here 'z', 'y', 'x'"),
        (VOLUME, {"axes": "zy"}, "names 2 axes, but the array has 3"),
        (VOLUME, {"voxel_size": 1.0}, "give both"),
        (VOLUME, {"unit": "mm"}, "give both"),
        (VOLUME, {"voxel_size": (1, 2), "unit": "mm"}, "1 number above 0, or 3"),
        (VOLUME, {"voxel_size": (1, 2, 0), "unit": "mm"}, "1 number above 0, or 3"),
    ],
)
def test_what_cannot_be_sliced_is_refused_with_advice(
    array: NDArray[Any], options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        plot_slice(array, z_idx=0, **options)
    assert not plt.get_fignums()


def test_masks_and_their_scale_show() -> None:
    ax = plot_slice(VOLUME > 7, z_idx=0)
    np.testing.assert_array_equal(shown(ax), VOLUME[0] > 7)
    assert [axes.get_ylabel() for axes in ax.figure.axes] == ["y (voxels)", "value (bool)"]
    assert len(plot_slice(VOLUME, z_idx=0, colorbar=False).figure.axes) == 1


# Chunks


def cells(shape: Sequence[int], chunks: Sequence[int]) -> list[tuple[tuple[int, int], ...]]:
    """Start and stop of every chunk, by brute force."""
    axes = [
        [(start, min(start + size, length)) for start in range(0, length, size)]
        for length, size in zip(shape, chunks, strict=True)
    ]
    return list(product(*axes))


def touched(shape: Sequence[int], chunks: Sequence[int], region: Sequence[slice]) -> set[Any]:
    """The chunks that hold a voxel of the region, by looking at every voxel."""
    wanted = np.zeros(shape, bool)
    wanted[tuple(region)] = True
    return {
        cell for cell in cells(shape, chunks) if wanted[tuple(slice(*span) for span in cell)].any()
    }


@st.composite
def cut_arrays(draw: st.DrawFn, dims: Sequence[int]) -> tuple[Any, ...]:
    """A shape, chunks and a region."""
    shape = draw(shapes(min_dims=min(dims), max_dims=max(dims)))
    return shape, draw(chunks_for(shape)), draw(indices_in(shape))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(cut_arrays((2,)))
def test_a_plane_is_filled_by_read_and_unread_chunks_at_true_size(cut: tuple[Any, ...]) -> None:
    shape, chunks, region = cut
    ax = plot_chunks(shape, chunks, region=region)
    read = touched(shape, chunks, region)
    assert sorted(spans(box) for box in drawn(ax, "read")) == sorted(read)
    unread = set(cells(shape, chunks)) - read
    assert sorted(spans(box) for box in drawn(ax, "untouched")) == sorted(unread)
    (requested,) = (patch for patch in ax.patches if patch.get_gid() == "requested")
    corners = requested.get_patch_transform().transform(requested.get_path().vertices[:4])
    assert spans(corners) == tuple((part.start, part.stop) for part in region)
    assert title(ax).startswith(f"{len(read)} of {len(cells(shape, chunks))} chunk")
    plt.close("all")


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(cut_arrays((3,)))
def test_a_volume_shows_the_faces_of_all_chunks_that_are_read(cut: tuple[Any, ...]) -> None:
    shape, chunks, region = cut
    ax = plot_chunks(shape, chunks, region=region)
    read = touched(shape, chunks, region)
    counts = [len({cell[axis] for cell in read}) for axis in range(3)]
    faces = drawn(ax, "unneeded")
    assert len(faces) == sum(a * b for a, b in combinations(counts, 2))
    whole = [(min(s for s, _ in axis), max(e for _, e in axis)) for axis in zip(*read, strict=True)]
    for box, of in ((whole, faces), ([(r.start, r.stop) for r in region], drawn(ax, "requested"))):
        corners = np.array([project(*corner) for corner in product(*box)])
        everything = np.concatenate(of)
        np.testing.assert_allclose(everything.min(0), corners.min(0))
        np.testing.assert_allclose(everything.max(0), corners.max(0))
    assert title(ax).startswith(f"{len(read)} of {len(cells(shape, chunks))} chunk")
    plt.close("all")


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(cut_arrays((1,)))
def test_a_line_is_a_strip_of_its_chunks(cut: tuple[Any, ...]) -> None:
    shape, chunks, region = cut
    ax = plot_chunks(shape, chunks, region=region)
    read = sorted(spans(box)[1:] for box in drawn(ax, "read"))
    assert read == sorted(touched(shape, chunks, region))
    plt.close("all")


def test_without_a_region_all_chunks_are_drawn_in_turns_at_true_size() -> None:
    ax = plot_chunks((10, 7), (4, 3))
    tints = [drawn(ax, "turn-0"), drawn(ax, "turn-1")]
    assert [len(boxes) for boxes in tints] == [5, 4]
    assert sorted(spans(box) for boxes in tints for box in boxes) == cells((10, 7), (4, 3))
    assert sum(area(box) for boxes in tints for box in boxes) == 70
    assert title(ax) == "9 chunks"
    assert ax.get_legend() is None
    starts = sorted((box[:, 1].min() // 4 + box[:, 0].min() // 3) % 2 for box in tints[0])
    assert len(set(starts)) == 1  # as on a chessboard, no two neighbours have the same tint


def test_a_block_has_three_faces_of_chunks_cut_at_the_edge() -> None:
    ax = plot_chunks((5, 4, 4), (2, 2, 2))
    faces = [*drawn(ax, "turn-0"), *drawn(ax, "turn-1")]
    assert len(faces) == 4 + 6 + 6
    ragged = [face for face in faces if area(face) == pytest.approx(2 * 1 * np.sqrt(3) / 2)]
    assert len(ragged) == 4  # two on the side and two on the top are one voxel thick
    nearest = project(0, 0, 4)
    assert sum(np.isclose(face, nearest).all(1).any() for face in faces) == 3


def test_integers_select_one_position_and_negative_ones_count_from_the_end() -> None:
    ax = plot_chunks((10, 10), (4, 4), region=(-1, slice(None)))
    assert title(ax) == "3 of 9 chunks must be read"
    assert sorted(spans(box)[0] for box in drawn(ax, "read")) == [(8, 10)] * 3


def test_axes_are_named_in_the_order_of_the_array() -> None:
    ax = plot_chunks((120, 121, 139), (64, 64, 64), axes="xyz")
    texts = {text.get_text(): text.xy for text in ax.texts}  # type: ignore[attr-defined]
    assert texts["z: 139 voxels"] == project(139 / 2, 121, 120)
    assert texts["x: 120 voxels"] == project(0, 121, 60)
    assert texts["y: 121 voxels"] == project(0, 60.5, 0)
    flat = plot_chunks((10, 20), (4, 4), axes="tx")
    assert (flat.get_ylabel(), flat.get_xlabel()) == ("t (voxels)", "x (voxels)")


@pytest.mark.parametrize("dims", [2, 3])
def test_borders_of_shards_are_thicker_than_those_of_chunks(dims: int) -> None:
    region = (slice(0, 5),) * dims
    for asked in (None, region):
        ax = plot_chunks((16,) * dims, (4,) * dims, shards=(8,) * dims, region=asked)
        widths = {
            role: max(item.get_linewidth()[0] for item in ax.collections if item.get_gid() == role)
            for role in ("chunk", "shard")
        }
        assert widths["shard"] > 2 * widths["chunk"] > 0
    assert title(ax) == f"{2**dims} of {4**dims} chunks must be read, in 1 of {2**dims} shards"


def test_the_legend_explains_the_roles_that_occur_and_no_others() -> None:
    def words(ax: Axes) -> list[str]:
        legend = ax.get_legend()
        assert legend is not None
        return [text.get_text() for text in legend.get_texts()]

    some = plot_chunks((8, 8), (4, 4), region=(slice(1, 2), slice(1, 2)))
    assert words(some) == ["requested", "read, but not needed", "not read", "border of a chunk"]
    exact = plot_chunks((8, 8), (4, 4), region=(slice(0, 4), slice(0, 4)))
    assert words(exact) == ["requested", "not read", "border of a chunk"]
    everything = plot_chunks((8, 8), (4, 4), region=(slice(None),) * 2)
    assert words(everything) == ["requested", "border of a chunk"]


@pytest.mark.parametrize(
    ("shape", "chunks", "options", "says"),
    [
        ((2, 3, 4, 5), (1, 1, 1, 1), {}, r"4 axes, expected 1 to 3: draw the last three"),
        ((), (), {}, "0 axes"),
        ((0, 4), (1, 1), {}, "holds no element"),
        ((4, 4), (2,), {}, "dimensions"),
        ((4, 4), (0, 1), {}, "size of 1 or more"),
        ((4, 4), (2, 2), {"region": (slice(0, 5), 0)}, "0:5|slice"),
        ((4, 4), (2, 2), {"region": (4, 0)}, "axis 0"),
        ((4, 4), (2, 2), {"region": (-5, 0)}, "axis 0"),
        ((4, 4), (2, 2), {"region": (0,)}, "dimensions"),
        ((4, 4), (2, 2), {"region": (0, 0, 0)}, "dimensions"),
        ((8, 8), (4, 4), {"shards": (6, 4)}, "a shard ends at 6 on axis 0, inside a chunk"),
        ((8, 8), (4, 4), {"axes": "zyx"}, "names 3 axes, but there are 2"),
        ((1000, 1000), (1, 1), {}, "1000000 chunks on one side cannot be told apart"),
    ],
)
def test_chunks_that_cannot_be_drawn_are_refused(
    shape: tuple[int, ...], chunks: tuple[int, ...], options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        plot_chunks(shape, chunks, **options)
    assert not plt.get_fignums()


# Pyramids


def test_levels_are_drawn_to_scale_above_one_another() -> None:
    sizes = [(60, 256, 256), (30, 128, 128), (15, 64, 64)]
    ax = plot_pyramid(sizes, chunks=(20, 64, 64), voxel_sizes=SIZES, unit="micrometer")
    ax.figure.canvas.draw()
    levels = _levels(ax)
    widths = [float(np.ptp(level[:, 0])) for level in levels]
    assert widths == pytest.approx([widths[0], widths[0] / 2, widths[0] / 4])
    for below, above in pairwise(levels):
        assert below[:, 1].max() < above[:, 1].min()
        assert below[:, 0].mean() == pytest.approx(above[:, 0].mean(), rel=0.05)
    assert [plain(text.get_text()).splitlines() for text in ax.texts] == [
        ["level 0", "60 x 256 x 256 voxels", "48 chunks", "0.29 x 0.26 x 0.26 µm"],
        ["level 1", "30 x 128 x 128 voxels", "8 chunks", "0.58 x 0.52 x 0.52 µm"],
        ["level 2", "15 x 64 x 64 voxels", "1 chunk", "1.16 x 1.04 x 1.04 µm"],
    ]
    assert plain(title(ax)) == "3 levels (z x y x x), voxels to scale"


SIZES = [(0.29, 0.26, 0.26), (0.58, 0.52, 0.52), (1.16, 1.04, 1.04)]


def _levels(ax: Axes) -> list[NDArray[np.float64]]:
    """On the page, the points of all faces of each level, full resolution first."""
    found: dict[float, list[NDArray[np.float64]]] = {}
    for item in ax.collections:
        if str(item.get_gid()).startswith("turn"):
            middle = round(float(item.get_transform().transform((0, 0))[0]), 3)
            points = [item.get_transform().transform(p.vertices) for p in item.get_paths()]
            found.setdefault(middle, []).extend(points)
    return [np.concatenate(points) for _, points in sorted(found.items())]


def test_words_of_levels_do_not_overlap() -> None:
    ax = plot_pyramid([(512, 512), (256, 256), (8, 8), (4, 4)], chunks=[(64, 64)] * 4)
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent().extents for text in ax.texts), key=lambda box: box[1])
    assert all(below[3] < above[1] for below, above in pairwise(boxes))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shapes": [(4,), (2,)]}, "expected 2 or 3, the same in all"),
        ({"shapes": [(4, 4), (2, 2, 2)]}, "expected 2 or 3, the same in all"),
        ({"shapes": []}, "expected 2 or 3, the same in all"),
        ({"voxel_sizes": [(1, 1), (2, 2)]}, "give both, or none"),
        ({"unit": "mm"}, "give both, or none"),
        ({"voxel_sizes": [(1, 1)], "unit": "mm"}, "one size per level and axis"),
        ({"chunks": [(2, 2)] * 3}, "3 sizes for 2 levels"),
        ({"axes": "zyx"}, "names 3 axes"),
    ],
)
def test_a_pyramid_that_does_not_fit_together_is_refused(
    options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        plot_pyramid(**{"shapes": [(8, 8), (4, 4)], **options})
    assert not plt.get_fignums()


# Seams


@pytest.mark.slow
def test_a_seam_map_counts_what_differs_in_the_whole_array() -> None:
    rng = np.random.default_rng(0)
    for shape in ((13, 7), (5, 13, 7)):
        expected = rng.integers(0, 255, shape, dtype="uint8", endpoint=True)
        result = np.where(rng.random(shape) < 0.3, rng.integers(0, 256, shape), expected)
        signed = result.astype(int) - expected.astype(int)
        ax = plot_seams(
            zarr.array(result.astype("uint8"), chunks=(4,) * len(shape)),
            da.from_array(expected),
            chunks=(4,) * len(shape),
        )
        share = 100 * np.count_nonzero(signed) / signed.size
        assert (
            title(ax) == f"max |difference| {np.abs(signed).max()}, {share:.1f} % of values differ"
        )
        plane = signed if signed.ndim == 2 else signed[np.abs(signed).max((1, 2)).argmax()]
        np.testing.assert_array_equal(shown(ax), plane)  # and 3 - 5 is -2, not 254


def test_the_plane_with_the_largest_difference_is_shown_unless_one_is_chosen() -> None:
    expected = np.zeros((4, 3, 3))
    result = expected.copy()
    result[1, 0, 0], result[2, 2, 1] = 5, -9
    assert shown(plot_seams(result, expected, chunks=(1, 2, 2))).min() == -9
    chosen = plot_seams(result, expected, chunks=(1, 2, 2), index=-3)
    assert shown(chosen).max() == 5
    assert chosen.get_xlabel().endswith("at z = 1")
    assert title(chosen) == "max |difference| 9, 5.6 % of values differ"


def test_colours_are_centred_on_zero_and_one_outlier_does_not_hide_the_rest() -> None:
    result = np.ones((20, 20))
    result[3, 4] = -1000
    ax = plot_seams(result, np.zeros((20, 20)), chunks=(10, 10))
    image = ax.images[0]
    assert image.get_clim() == (-1, 1)
    assert image.get_cmap().name == "RdBu_r"
    assert image.colorbar is not None
    assert image.colorbar.extend == "both"
    wide = plot_seams(result, np.zeros((20, 20)), chunks=(10, 10), vmax=2000).images[0]
    assert wide.get_clim() == (-2000, 2000)
    assert wide.colorbar is not None
    assert wide.colorbar.extend == "neither"


def test_equal_arrays_are_called_identical() -> None:
    image = np.full((20, 60), np.nan)
    assert plain(title(plot_seams(image, image.copy(), chunks=(8, 8)))) == (
        "identical: all 1 200 values"
    )


def test_a_nan_or_a_difference_too_small_for_floats_is_a_difference() -> None:
    clean = np.zeros((2, 5))
    spoilt = clean.copy()
    spoilt[1, 1] = np.nan
    says = "max |difference| inf, 10.0 % of values differ"
    assert title(plot_seams(spoilt, clean, chunks=(2, 5))) == says
    large = np.full((2, 5), 2**60)
    assert title(plot_seams(large, large + 1, chunks=(2, 5))).endswith("100 % of values differ")


def test_the_borders_of_chunks_lie_between_voxels() -> None:
    ax = plot_seams(np.zeros((5, 4)), np.zeros((5, 4)), chunks=(3, (1, 3)))
    (grid,) = (item for item in ax.collections if item.get_gid() == "chunk")
    ends = [line.tolist() for line in grid.get_segments()]  # type: ignore[attr-defined]
    assert sorted(a[1] for a, b in ends if a[1] == b[1]) == [-0.5, 2.5, 4.5]
    assert sorted(a[0] for a, b in ends if a[0] == b[0]) == [-0.5, 0.5, 3.5]


@pytest.mark.parametrize(
    ("shapes", "options", "error", "says"),
    [
        (((4, 4), (4, 5)), {}, ValueError, r"\(4, 4\) and expected \(4, 5\)"),
        (((4,), (4,)), {"chunks": (2,)}, ValueError, "2 or 3 axes"),
        (((0, 4), (0, 4)), {}, ValueError, "none of length 0"),
        (((4, 4), (4, 4)), {"chunks": (2,)}, ValueError, "dimensions"),
        (((4, 4), (4, 4)), {"index": 0}, IndexError, "no axis to choose from"),
        (((3, 4, 4),) * 2, {"index": 3, "chunks": (1, 2, 2)}, IndexError, "3 planes on axis 0"),
        (((3, 4, 4),) * 2, {"index": -4, "chunks": (1, 2, 2)}, IndexError, "3 planes on axis 0"),
    ],
)
def test_arrays_that_cannot_be_compared_are_refused(
    shapes: Any, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        plot_seams(*map(np.zeros, shapes), **{"chunks": (2, 2), **options})
    assert not plt.get_fignums()


# Files


def lines(ax: Axes) -> list[tuple[str, str]]:
    """Name and size written in each line of the tree."""
    words = [text.get_text() for text in ax.texts]
    return list(zip(words[::2], words[1::2], strict=True))


def bars(ax: Axes) -> list[float]:
    """Length of every bar, in the order drawn."""
    return [patch.get_width() for patch in ax.patches]  # type: ignore[attr-defined]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A store with a file of metadata, and folders with files of known sizes."""
    root = tmp_path / "store.zarr"
    for folder, sizes in {"c/2": [300], "c/10": [500, 100], "empty": []}.items():
        (root / folder).mkdir(parents=True)
        for number, size in enumerate(sizes):
            (root / folder / str(number)).write_bytes(b"0" * size)
    (root / "zarr.json").write_bytes(b"0" * 100)
    return root


def test_a_tree_lists_files_and_sums_of_folders_in_reading_order(tree: Path) -> None:
    ax = plot_files(tree)
    assert lines(ax) == [
        ("store.zarr/", "1 kB, 4 files"),
        ("zarr.json", "100 B"),
        ("c/", "900 B, 3 files"),
        ("2/", "300 B, 1 file"),
        ("0", "300 B"),
        ("10/", "600 B, 2 files"),
        ("0", "500 B"),
        ("1", "100 B"),
        ("empty/", "0 B, 0 files"),
    ]
    assert title(ax) == "1 kB in 4 files"


def test_bars_of_files_are_to_scale(tree: Path) -> None:
    lengths = bars(plot_files(tree))
    assert [length / lengths[0] for length in lengths] == pytest.approx(
        [1, 0.1, 0.9, 0.3, 0.3, 0.6, 0.5, 0.1, 0]
    )


def test_what_is_left_out_of_a_wide_tree_is_counted_and_summed(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"0.{number}").write_bytes(b"0" * (number + 1))
    ax = plot_files(tmp_path, max_entries=8)
    assert [name for name, _ in lines(ax)][1:] == [
        *(f"0.{number}" for number in range(7)),
        "\N{HORIZONTAL ELLIPSIS} and 23 more",
    ]
    assert lines(ax)[-1][1] == f"{sum(range(8, 31))} B in total"
    assert sum(bars(ax)[1:]) == pytest.approx(bars(ax)[0])


@pytest.mark.parametrize("max_entries", [2, 3, 5, 9, 14, 40])
def test_a_tree_never_has_more_lines_than_allowed_and_loses_no_byte(
    tmp_path: Path, max_entries: int
) -> None:
    store = tmp_path / "image.zarr"
    array = zarr.create_array(store, shape=(8, 8, 8), chunks=(2, 2, 4), dtype="uint8")
    array[:] = np.random.default_rng(0).integers(0, 255, array.shape)
    ax = plot_files(store, max_entries=max_entries)
    assert len(lines(ax)) - 1 <= max_entries
    found = [Path(folder) / name for folder, _, names in os.walk(store) for name in names]
    total = sum(path.stat().st_size for path in found)
    assert title(ax) == f"{total / 1000:.3g} kB in {len(found)} files"
    outermost = [text.get_position()[0] for text in ax.texts[::2]]
    inside = [length for length, x in zip(bars(ax), outermost, strict=True) if x == outermost[1]]
    assert sum(inside) == pytest.approx(bars(ax)[0])


def test_one_of_many_folders_is_unfolded_down_to_its_files(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "chunk").write_bytes(b"0")
    names = [name for name, _ in lines(plot_files(tmp_path, max_entries=6))]
    assert names[1:] == ["0/", "chunk", "1/", "chunk", "\N{HORIZONTAL ELLIPSIS} and 18 more"]


def test_one_file_is_one_line(tree: Path) -> None:
    assert lines(plot_files(str(tree / "zarr.json"))) == [("zarr.json", "100 B")]


def test_a_long_name_stays_clear_of_the_bars(tmp_path: Path) -> None:
    (tmp_path / ("plate_" * 12 + "end.tif")).write_bytes(b"0")
    ax = plot_files(tmp_path)
    ax.figure.canvas.draw()
    name, bar = ax.texts[2].get_window_extent(), ax.patches[1].get_window_extent()
    assert name.x1 < bar.x0
    assert ax.texts[2].get_text().startswith("plate_")
    assert ax.texts[2].get_text().endswith("end.tif")


def test_a_missing_store_and_too_few_lines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*gone; write the store first"):
        plot_files(tmp_path / "gone")
    with pytest.raises(ValueError, match="max_entries is 1; expected 2 or more"):
        plot_files(tmp_path, max_entries=1)
    assert not plt.get_fignums()


# Bars


def test_bars_start_at_zero_and_carry_their_values() -> None:
    ax = plot_bars(["a", "b"], [0.02, 1.5], unit="s", quantity="time", roles=["wrong", "right"])
    assert bars(ax) == [0.02, 1.5]
    assert {patch.get_x() for patch in ax.patches} == {0}  # type: ignore[attr-defined]
    assert ax.get_xlim()[0] == 0
    assert [text.get_text() for text in ax.texts] == ["20 ms", "1.5 s"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.yaxis_inverted()
    fills = [to_hex(patch.get_facecolor()).upper() for patch in ax.patches]
    assert fills == [COLOURS["wrong"], COLOURS["right"]]
    assert [patch.get_hatch() or "" for patch in ax.patches] == [HATCHES["wrong"], HATCHES["right"]]


def test_numbers_of_the_axis_are_in_its_unit() -> None:
    ax = plot_bars(["a"], [5_000_000], unit="B", quantity="size", reference=2e6)
    ax.figure.canvas.draw()
    assert ax.get_xlabel() == "size (MB)"
    assert {"0", "2", "4"} <= {label.get_text() for label in ax.get_xticklabels()}
    (line,) = ax.lines
    assert set(line.get_xdata()) == {2e6}  # type: ignore[arg-type]
    assert ax.texts[-1].get_text() == "2 MB"


@pytest.mark.parametrize(
    ("labels", "values", "options", "says"),
    [
        (["a"], [1, 2], {}, "1 labels, 2 values and 1 roles"),
        ([], [], {}, "at least one"),
        (["a"], [-1], {}, "'a' has the value -1"),
        (["a"], [float("nan")], {}, "finite values from 0"),
        (["a"], [1], {"reference": float("inf")}, "reference"),
        (["a"], [1], {"roles": "nice"}, "role 'nice' is unknown; expected one of requested"),
    ],
)
def test_what_bars_cannot_show_is_refused(
    labels: list[str], values: list[float], options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        plot_bars(labels, values, unit="s", **options)
    assert not plt.get_fignums()


# The look


def every_plot(folder: Path) -> dict[str, Any]:
    """A call of every function that draws."""
    (folder / "file").write_bytes(b"0")
    return {
        "plot_slice": lambda **to: plot_slice(VOLUME, z_idx=0, **to),
        "plot_chunks": lambda **to: plot_chunks(
            (99, 256, 900), (20, 64, 300), region=(0, 0, 0), shards=(40, 128, 600), **to
        ),
        "plot_pyramid": lambda **to: plot_pyramid([(4, 4), (2, 2)], **to),
        "plot_seams": lambda **to: plot_seams(VOLUME, VOLUME, chunks=(2, 2, 2), **to),
        "plot_files": lambda **to: plot_files(folder, **to),
        "plot_bars": lambda **to: plot_bars(["a"], [1], unit="s", **to),
    }


PLOTS = [name for name in plotting.__all__ if name.startswith("plot_")]


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_uses_the_axes_given_and_else_makes_one_figure(name: str, tmp_path: Path) -> None:
    draw = every_plot(tmp_path)[name]
    figure, ax = plt.subplots()
    assert draw(ax=ax, title="mine") is ax
    assert title(ax) == "mine"
    assert plt.get_fignums() == [figure.number]
    own = draw()
    assert len(plt.get_fignums()) == 2
    assert own.figure.get_layout_engine() is not None
    assert "ax" in inspect.signature(getattr(plotting, name)).parameters


@pytest.mark.slow
@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_an_opaque_white_card_with_the_face_of_the_book(
    name: str, tmp_path: Path
) -> None:
    before = dict(mpl.rcParams)
    with mpl.rc_context({"figure.facecolor": "black", "font.size": 5, "text.color": "red"}):
        ax = every_plot(tmp_path)[name]()
        assert mpl.rcParams["font.size"] == 5
    assert dict(mpl.rcParams) == before
    assert ax.figure.get_facecolor() == (1, 1, 1, 1)
    ax.figure.savefig(tmp_path / "card.png", dpi=50)
    pixels = plt.imread(tmp_path / "card.png")
    assert pixels[..., 3].min() == 1
    assert pixels[0, 0].tolist() == [1, 1, 1, 1]
    words = [text for text in ax.findobj(Text) if text.get_text()]
    assert {text.get_fontname() for text in words} == {"DejaVu Sans"}
    assert min(text.get_fontsize() for text in words) >= 10  # 8 px on a page 360 px wide


@pytest.mark.slow
@pytest.mark.parametrize("name", PLOTS)
def test_words_stay_inside_their_figure(name: str, tmp_path: Path) -> None:
    ax = every_plot(tmp_path)[name]()
    ax.figure.canvas.draw()
    card = ax.figure.bbox
    own_title = [text for text in ax.findobj(Text) if text.get_text() == title(ax)]
    legend = ax.get_legend()
    names = [ax.xaxis.label, ax.yaxis.label] if ax.axison else []
    for text in [*ax.texts, *own_title, *names, *(legend.get_texts() if legend else [])]:
        if text.get_text():
            box = text.get_window_extent()
            assert card.x0 <= box.x0 <= box.x1 <= card.x1, text.get_text()
            assert card.y0 <= box.y0 <= box.y1 <= card.y1, text.get_text()


def test_the_style_is_applied_for_figures_drawn_by_hand() -> None:
    with mpl.rc_context():
        mpl.rcParams["figure.facecolor"] = "black"
        use_style()
        assert mpl.rcParams["figure.facecolor"] == "white"
        assert mpl.rcParams["image.cmap"] == plotting.INTENSITY_CMAP
        assert plt.subplots()[0].get_layout_engine() is not None


# Machado, Oliveira and Fernandes (2009), doi 10.1109/TVCG.2009.113: matrices for full severity, in
# linear RGB.
SIGHT = {
    "typical": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
LINES = {"chunk", "shard"}


def seen(colour: str, sight: str) -> NDArray[np.float64]:
    """A colour in CIELAB, as somebody sees it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    turned = np.clip(np.array(SIGHT[sight]) @ linear, 0, 1)
    back = np.where(turned <= 0.0031308, 12.92 * turned, 1.055 * turned ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(back[None, None]))[0, 0]


@pytest.mark.parametrize("sight", SIGHT)
def test_roles_differ_for_colour_blind_readers(sight: str) -> None:
    for first, second in combinations(COLOURS, 2):
        if (first in LINES) == (second in LINES):
            apart = deltaE_ciede2000(seen(COLOURS[first], sight), seen(COLOURS[second], sight))
            assert apart > 12, (first, second)  # about 1 can be told apart side by side


def test_fills_differ_without_any_colour_by_lightness_or_hatch() -> None:
    assert set(HATCHES) == set(COLOURS) - LINES
    for first, second in combinations(HATCHES, 2):
        lightness = [seen(COLOURS[role], "typical")[0] for role in (first, second)]
        assert abs(lightness[0] - lightness[1]) > 10 or HATCHES[first] != HATCHES[second]


def test_intensities_rise_evenly_in_lightness_and_differences_are_symmetric() -> None:
    places = np.linspace(0, 1, 65)
    rising = rgb2lab(mpl.colormaps[plotting.INTENSITY_CMAP](places)[None, :, :3])[0, :, 0]
    steps = np.diff(rising)
    assert steps.min() > 0
    assert steps.max() < 2 * np.median(steps)
    either = rgb2lab(mpl.colormaps[plotting.DIFFERENCE_CMAP](places)[None, :, :3])[0, :, 0]
    np.testing.assert_allclose(either, either[::-1], atol=6)
    assert either.argmax() == 32


@pytest.mark.slow
def test_a_notebook_shows_drawings_as_svg_and_images_as_png_at_twice_their_width() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    book = nbformat.v4.new_notebook()
    start = (
        "import numpy as np\nfrom data_helpers import plot_bars, plot_slice, use_style\nuse_style()"
    )
    calls = (start, "plot_bars(['a'], [1], unit='s');", "plot_slice(np.eye(9)[None], z_idx=0);")
    book.cells = [nbformat.v4.new_code_cell(call) for call in calls]
    nbclient.NotebookClient(book, kernel_name="python3", timeout=120).execute()
    _, drawing, image = (list(cell.outputs) for cell in book.cells)
    assert len(drawing) == len(image) == 1
    assert drawing[0].data["image/svg+xml"].lstrip().startswith("<?xml")
    assert "image/svg+xml" not in image[0].data
    width = int.from_bytes(b64decode(image[0].data["image/png"])[16:20], "big")
    assert image[0].metadata["image/png"] == {"width": width // 2}
    assert 1100 < width < 1300
