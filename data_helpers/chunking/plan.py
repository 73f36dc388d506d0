"""Plan a rechunking on plain integers: what is read together, what is held, what is written.

Source and target cut the same array differently. A *block* of the array is read, held in memory
and written. It holds whole target units (shards, or chunks where there are no shards), so that each
unit is written once. What a block costs is the source chunks it cuts: they are read again for the
next block. ::

    source: planes              target: cubes             a block: whole units of both
    +-----------------+         +-----+-----+-----+       +-----------------+
    +-----------------+         |     |     |     |       | # # # # # # # # |
    +-----------------+         +-----+-----+-----+       +-----------------+
    +-----------------+         |     |     |     |       |                 |
    +-----------------+         +-----+-----+-----+       +-----------------+

*One pass*, if such a block fits: its borders are borders of source chunks along every axis, or
along all but one and then it is longer than a source chunk, which so lies in two blocks at most.

*Two passes*, if it does not: the source is read once into a temporary array whose chunks lie
between the two, and that array is read into the target. The first pass then needs room for one
source chunk, and the second for one target unit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd, lcm, prod

from data_helpers.chunking.geometry import checked_sizes

__all__ = ["RechunkPlan", "Stage", "plan_rechunk"]

Sizes = tuple[int, ...]

# A call to Zarr costs about as much as copying this many bytes, so small chunks go together.
PIECE = 2**20
# What Zarr takes beside the block, measured in pieces: what is on its way is there encoded, decoded
# and copied, and threads keep freed buffers for the next piece, unless these are so large that the
# C library gives them back at once.
IN_FLIGHT, KEPT, LARGEST_KEPT = 3, 5, 2**25
# Event loop, thread stacks, first use of codecs, and what allocators hold back.
RESERVE = 12 * 2**20


@dataclass(frozen=True)
class Stage:
    """One pass: blocks are read by whole chunks, held, and written by whole units.

    Attributes
    ----------
    read
        Size of what is read in one call, in voxels: a chunk, or several small ones.
    block
        Size of the region held in memory, in voxels.
    write
        Size of what is written in one call, in voxels: a unit, or several small ones.
    memory
        Bytes this pass takes at most: the block, what Zarr needs for one call, a reserve.
    """

    read: Sizes
    block: Sizes
    write: Sizes
    memory: int


@dataclass(frozen=True)
class RechunkPlan:
    """How an array gets its new chunks.

    Attributes
    ----------
    stages
        One pass, two with a temporary array between them, none for an array without voxels.
    reads
        How often a source chunk is read at most.
    temporary
        Chunks of the temporary array, in voxels; None when one pass does.
    """

    stages: tuple[Stage, ...]
    reads: int
    temporary: Sizes | None = None

    @property
    def memory(self) -> int:
        """Bytes the work takes at most, above what the process had before."""
        return max((stage.memory for stage in self.stages), default=0)


def plan_rechunk(
    shape: Sequence[int],
    source: Sequence[int],
    target: Sequence[int],
    *,
    itemsize: int,
    max_memory: int,
) -> RechunkPlan:
    """Find a way to rechunk within a budget.

    Tried in this order: one pass that reads each source chunk once; one pass that reads some of
    them twice; two passes through a temporary array, the first of which reads each of them once.

    Parameters
    ----------
    shape
        Shape of the array.
    source
        Size of a source chunk along each axis, in voxels.
    target
        Size of a target unit along each axis, in voxels: shards where there are shards, else
        chunks.
    itemsize
        Bytes of one voxel.
    max_memory
        The budget in bytes.

    Returns
    -------
    RechunkPlan
        A plan whose `memory` is at most `max_memory`.

    Raises
    ------
    ValueError
        If dimensions differ, a size is below one, or no plan fits; the message names the least
        budget that does.

    Examples
    --------
    Planes to cubes. With room for 64 planes each plane is read once and written straight away.

    >>> sizes = dict(shape=(512, 512, 512), source=(1, 512, 512), target=(64, 64, 64), itemsize=2)
    >>> plan_rechunk(**sizes, max_memory=60_000_000).stages[0].block
    (64, 512, 512)

    With less, the planes go through a temporary array.

    >>> plan = plan_rechunk(**sizes, max_memory=30_000_000)
    >>> plan.temporary, [stage.block for stage in plan.stages]
    ((8, 256, 256), [(8, 512, 512), (64, 256, 256)])
    >>> plan.memory <= 30_000_000
    True
    """
    shape = checked_sizes("shape", shape, len(shape))
    source = _clipped(checked_sizes("source", source, len(shape)), shape)
    target = _clipped(checked_sizes("target", target, len(shape)), shape)
    task = _Task(shape, source, target, itemsize, max_memory)
    plans = list(_plans(task))
    for plan in plans:
        if plan.memory <= max_memory:
            return plan
    least = min(plan.memory for plan in plans)
    raise ValueError(
        f"max_memory of {max_memory:,} bytes is too little to rechunk {source} to {target} with "
        f"{itemsize} bytes a voxel; give at least {least:,} bytes, or choose smaller chunks"
    )


@dataclass(frozen=True)
class _Task:
    """What is asked for."""

    shape: Sizes
    source: Sizes
    target: Sizes
    itemsize: int
    max_memory: int

    @property
    def whole(self) -> Sizes:
        """Least block whose borders are borders of both source chunks and target units."""
        sizes = zip(self.shape, self.source, self.target, strict=True)
        return tuple(min(n, lcm(s, t)) for n, s, t in sizes)


def _plans(task: _Task) -> Iterator[RechunkPlan]:
    """All plans worth trying, the best first: each its least, or grown as the budget allows."""
    blocks = [task.whole, *(_stretched(task, axis) for axis in range(len(task.shape)))]
    for reads, block in zip([1] + [2] * len(task.shape), blocks, strict=True):
        stage = _stage(task.source, block, task.target, task.itemsize)
        yield RechunkPlan((stage,), reads)
    yield _through_temporary(task)


def _stage(read: Sizes, block: Sizes, write: Sizes, itemsize: int) -> Stage:
    """Describe one pass and add up its memory."""
    read_piece, write_piece = (_together(sizes, block, itemsize) for sizes in (read, write))
    piece = itemsize * max(prod(read_piece), prod(write_piece))
    beside = IN_FLIGHT * piece + KEPT * min(piece, LARGEST_KEPT) + RESERVE
    return Stage(read_piece, block, write_piece, itemsize * prod(block) + beside)


def _together(sizes: Sizes, block: Sizes, itemsize: int) -> Sizes:
    """Several small chunks of a block that are handled in one call, along the last axes first."""
    piece = list(sizes)
    for axis in reversed(range(len(sizes))):
        many = max(1, PIECE // (itemsize * prod(piece)))
        piece[axis] *= min(many, -(-block[axis] // sizes[axis]))
    return tuple(piece)


def _stretched(task: _Task, axis: int) -> Sizes:
    """Block that may cut source chunks along one axis, as long as the budget allows.

    The longer it is, the fewer it cuts. It is no shorter than a source chunk, which it would
    otherwise cut into three parts or more.
    """
    unit = task.target[axis]
    shortest = -(-task.source[axis] // unit) * unit
    block = [*task.whole[:axis], shortest, *task.whole[axis + 1 :]]
    left = task.max_memory - _stage(task.source, tuple(block), task.target, task.itemsize).memory
    more = left // (task.itemsize * prod(block) // shortest * unit)
    block[axis] = min(task.shape[axis], shortest + max(more, 0) * unit)
    return tuple(block)


def _through_temporary(task: _Task) -> RechunkPlan:
    """Two passes: blocks of source chunks into a temporary array, then blocks of target units.

    Both blocks start at their least and double, axis by axis, towards each other: the more alike
    they are, the fewer and larger the chunks of the temporary array.
    """
    blocks = (task.source, task.target)
    plan = _two_passes(task, blocks)
    grew = True
    while grew:
        grew = False
        for axis, side in product(range(len(task.shape)), (0, 1)):
            doubled = _doubled(blocks, side, axis, task.shape)
            trial = _two_passes(task, doubled)
            if doubled != blocks and trial.memory <= task.max_memory:
                blocks, plan, grew = doubled, trial, True
    return plan


def _doubled(
    blocks: tuple[Sizes, Sizes], side: int, axis: int, shape: Sizes
) -> tuple[Sizes, Sizes]:
    """Double one of two blocks along an axis, if it is the shorter one there."""
    block, other = blocks[side], blocks[1 - side]
    if block[axis] >= other[axis]:
        return blocks
    longer = (*block[:axis], min(shape[axis], 2 * block[axis]), *block[axis + 1 :])
    return (longer, other) if side == 0 else (other, longer)


def _two_passes(task: _Task, blocks: tuple[Sizes, Sizes]) -> RechunkPlan:
    """Plan with given blocks for the two passes."""
    temporary = tuple(_between(*sizes) for sizes in zip(*blocks, task.shape, strict=True))
    first = _stage(task.source, blocks[0], temporary, task.itemsize)
    second = _stage(temporary, blocks[1], task.target, task.itemsize)
    return RechunkPlan((first, second), reads=1, temporary=temporary)


def _between(first: int, second: int, length: int) -> int:
    """Size of a temporary chunk along one axis: it divides the block that writes it.

    It divides the block that reads it too, where that leaves no crumbs; else chunks of the
    temporary array that straddle two such blocks are read twice.
    """
    if second >= length:
        return first
    if first >= length:
        return second
    common = gcd(first, second)
    if 2 * common >= min(first, second):
        return common
    divisor = max(size for size in range(1, min(first, second) + 1) if first % size == 0)
    return divisor if 4 * divisor >= min(first, second) else first


def _clipped(sizes: Sizes, shape: Sizes) -> Sizes:
    """Sizes no larger than the array; what is larger is padding and never held."""
    return tuple(min(pair) for pair in zip(sizes, shape, strict=True))
