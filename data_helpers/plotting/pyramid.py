"""The levels of a pyramid, drawn to scale."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.transforms import Affine2D

from data_helpers.plotting.isometric import project
from data_helpers.plotting.layout import ChunkLayout, lay_out
from data_helpers.plotting.look import given_or_new, styled
from data_helpers.plotting.volume import draw_block, drawing_order
from data_helpers.plotting.words import axis_names, number_text, times, unit_text

__all__ = ["plot_pyramid"]

# Inches: the largest level, the column of words beside the blocks, and the lines in it.
WIDEST, HIGHEST, WORDS_FROM, LINE, GAP = 2.8, 2.6, 3.2, 0.2, 0.3


@styled
def plot_pyramid(
    shapes: Sequence[Sequence[int]],
    *,
    chunks: Sequence[int] | Sequence[Sequence[int]] | None = None,
    voxel_sizes: Sequence[Sequence[float]] | None = None,
    unit: str | None = None,
    axes: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the levels of a pyramid to scale, each with its shape and voxel size.

    All levels show the same object: one voxel of a higher level stands for several below, so the
    number of voxels, which is what is drawn, shrinks while the voxels grow.

    Parameters
    ----------
    shapes
        Shape of each level, full resolution first. Two or three axes.
    chunks
        Chunk size, one for all levels or one per level. Without it, levels are not cut.
    voxel_sizes
        For each level the voxel size along each axis.
    unit
        Unit of the voxel sizes, such as ``"micrometer"``; needed with them.
    axes
        Name of each axis. Without it the last of z, y, x.
    ax
        Where to draw; a new figure if not given, high enough for all levels.
    title
        Without it, the title counts the levels.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes drawn on.

    Raises
    ------
    ValueError
        If levels have not all two, or all three axes, or `chunks`, `voxel_sizes`, `unit` and
        `axes` do not fit.

    Examples
    --------
    >>> shapes = [(60, 256, 256), (30, 128, 128)]
    >>> ax = plot_pyramid(shapes, chunks=(20, 64, 64))
    >>> print(ax.texts[0].get_text())
    level 0
    60 × 256 × 256 voxels
    48 chunks
    """
    names = axis_names(axes, _dimensions(shapes))
    levels = _lay_out_levels(shapes, chunks, names)
    words = [_lines(level, shape) for level, shape in enumerate(shapes)]
    _add_chunks(words, levels, chunks)
    _add_voxel_sizes(words, shapes, voxel_sizes, unit)
    scale = _inches_per_voxel(levels)
    heights = [
        max(scale * _size(level)[1], LINE * len(lines)) + GAP
        for level, lines in zip(levels, words, strict=True)
    ]
    ax = given_or_new(ax, 6.0, sum(heights) + 0.5)
    ax.set(xlim=(0, 6.0), ylim=(0, sum(heights)), aspect="equal")
    ax.set_axis_off()
    base = 0.0
    for level, lines, height in zip(levels, words, heights, strict=True):
        _draw_level(ax, level, scale, base + height / 2)
        ax.text(WORDS_FROM, base + height / 2, "\n".join(lines), va="center", linespacing=1.35)
        base += height
    count = f"{len(levels)} level{'' if len(levels) == 1 else 's'}"
    own_title = f"{count} ({times(names)}), voxels to scale"
    ax.set_title(own_title if title is None else title)
    return ax


def _dimensions(shapes: Sequence[Sequence[int]]) -> int:
    """Count the axes, which must be two or three in every level."""
    counts = {len(shape) for shape in shapes}
    if counts not in ({2}, {3}):
        raise ValueError(
            f"the levels have {sorted(counts)} axes, expected 2 or 3, the same in all: "
            "draw the last three with [shape[-3:] for shape in shapes]"
        )
    return counts.pop()


def _lay_out_levels(
    shapes: Sequence[Sequence[int]],
    chunks: Sequence[int] | Sequence[Sequence[int]] | None,
    names: Sequence[str],
) -> list[ChunkLayout]:
    """Cut each level into its chunks; a plane becomes a volume of one slice."""
    each = list(shapes) if chunks is None else _one_per_level(chunks, len(shapes))
    flat = (1,) * (3 - len(names))
    own_names = [*("zyx"[: len(flat)]), *names] if flat else list(names)
    return [
        lay_out((*flat, *shape), (*flat, *sizes), None, None, own_names)
        for shape, sizes in zip(shapes, each, strict=True)
    ]


def _one_per_level(
    chunks: Sequence[int] | Sequence[Sequence[int]], count: int
) -> list[Sequence[int]]:
    """Give every level its chunk size."""
    sizes = [size for size in chunks if isinstance(size, Sequence)]
    if not sizes:
        return [[size for size in chunks if not isinstance(size, Sequence)]] * count
    if len(sizes) != count:
        raise ValueError(
            f"chunks gives {len(sizes)} sizes for {count} levels; expected one for all, or as many"
        )
    return sizes


def _lines(level: int, shape: Sequence[int]) -> list[str]:
    return [f"level {level}", f"{times(shape)} voxels"]


def _add_chunks(words: list[list[str]], levels: Sequence[ChunkLayout], chunks: object) -> None:
    """Write the number of chunks, where chunks are drawn."""
    if chunks is not None:
        for lines, level in zip(words, levels, strict=True):
            lines.append(level.title())


def _add_voxel_sizes(
    words: list[list[str]],
    shapes: Sequence[Sequence[int]],
    voxel_sizes: Sequence[Sequence[float]] | None,
    unit: str | None,
) -> None:
    """Write the voxel size of each level."""
    if (voxel_sizes is None) != (unit is None):
        raise ValueError(f"voxel_sizes is {voxel_sizes} and unit is {unit!r}; give both, or none")
    if voxel_sizes is None or unit is None:
        return
    if [len(sizes) for sizes in voxel_sizes] != [len(shape) for shape in shapes]:
        raise ValueError(
            f"voxel_sizes {list(voxel_sizes)} do not fit shapes {list(shapes)}; "
            "expected one size per level and axis"
        )
    for lines, sizes in zip(words, voxel_sizes, strict=True):
        lines.append(f"{times([number_text(size) for size in sizes])} {unit_text(unit)}")


def _size(level: ChunkLayout) -> tuple[float, float]:
    """Width and height of a block on the page, in voxels."""
    z, y, x = (level.shape[axis] for axis in drawing_order(level.names))
    return project(z, 0, x)[0], project(z, 0, 0)[1] - project(0, y, x)[1]


def _inches_per_voxel(levels: Sequence[ChunkLayout]) -> float:
    """Choose the scale at which the largest level fits."""
    widths, heights = zip(*(_size(level) for level in levels), strict=True)
    return float(min(WIDEST / max(widths), HIGHEST / max(heights)))


def _draw_level(ax: Axes, level: ChunkLayout, scale: float, middle: float) -> None:
    """Draw a block with its middle in the middle of the column of blocks."""
    order = drawing_order(level.names)
    across, up = project(*(level.shape[axis] / 2 for axis in order))
    place = Affine2D().translate(-across, -up).scale(scale).translate(WIDEST / 2 + 0.1, middle)
    draw_block(ax, level, order, place + ax.transData, inches=WIDEST * 0.8)
