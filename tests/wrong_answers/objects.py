"""Wrong answers to the exercises on objects that cross chunk borders."""

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import numpy as np
from scipy import ndimage

from data_helpers import chunk_slices
from wrong_answers.common import Planted

# 08.1


def of_pieces(rule: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Apply a rule to the numbers and how many chunks each occurs in."""

    def count_cut(labels, chunks):
        found = [np.unique(labels[index]) for index in chunk_slices(labels.shape, chunks)]
        return int(rule(*np.unique(np.concatenate(found), return_counts=True)))

    return count_cut


def across_faces(labels, chunks):
    found: set[int] = set()
    for axis, size in enumerate(chunks):
        for border in range(size, labels.shape[axis], size):
            before, after = labels.take(border - 1, axis), labels.take(border, axis)
            found |= set(before[(before == after) & (before > 0)].tolist())
    return len(found)


def along_one_axis(labels, chunks):
    slabs = (chunks[0], *labels.shape[1:])
    return of_pieces(lambda numbers, times: np.sum((numbers > 0) & (times > 1)))(labels, slabs)


def without_the_edges(labels, chunks):
    whole = tuple(slice(n // size * size) for n, size in zip(labels.shape, chunks, strict=True))
    return of_pieces(lambda numbers, times: np.sum((numbers > 0) & (times > 1)))(
        labels[whole], chunks
    )


# 08.2


def numbered(
    move: Callable[[Any, int, int], int],
    put: Callable[[Any, int], Any] = lambda labels, count: np.where(labels > 0, labels + count, 0),
    given: Callable[[int, int], Any] = lambda count, found: count,
) -> Callable[..., Any]:
    """Label chunks, and move on with the offset as told: block, offset, pieces found."""

    def label_chunks(mask, target):
        count = found = 0
        for index in chunk_slices(target.shape, target.chunks):
            block = mask[index]
            labels, found = ndimage.label(block)
            target[index] = put(labels, count)
            count = move(block, count, found)
        return given(count, found)

    return label_chunks


def total(block, count, found):
    return count + found


def added_before(mask, target):
    count = 0
    for index in chunk_slices(target.shape, target.chunks):
        labels, found = ndimage.label(mask[index])
        count += found
        target[index] = np.where(labels > 0, labels + count, 0)
    return count


def with_corners(mask, target):
    count = 0
    for index in chunk_slices(target.shape, target.chunks):
        block = mask[index]
        labels, found = ndimage.label(block, np.ones((3,) * block.ndim))
        target[index] = np.where(labels > 0, labels + count, 0)
        count += found
    return count


def as_a_whole(mask, target):
    labels, found = ndimage.label(mask[...])
    for index in chunk_slices(target.shape, target.chunks):
        target[index] = labels[index]
    return found


# 08.3


def paired(
    steps: Callable[[Any, int], Iterable[Any]],
    keep: Callable[[Any, Any], Any] = lambda before, moved: (before > 0) & (moved > 0),
    pair: Callable[[int, int], tuple[int, int]] = lambda one, other: (one, other),
) -> Callable[..., Any]:
    """Find pairs with other steps, other places or another order."""

    def touching_pairs(before, after, connectivity):
        wide, pairs = np.pad(after, 1), set()
        for step in steps(before, connectivity):
            window = zip(step, after.shape, strict=True)
            moved = wide[tuple(slice(1 + s, 1 + s + n) for s, n in window)]
            both = keep(before, moved)
            found = zip(before[both].tolist(), moved[both].tolist(), strict=True)
            pairs |= {pair(one, other) for one, other in found}
        return pairs

    return touching_pairs


def all_steps(before, connectivity):
    return product((-1, 0, 1), repeat=before.ndim)


def reach(before, connectivity):
    return [s for s in all_steps(before, connectivity) if sum(map(abs, s)) < connectivity]


def straight(before, connectivity):
    return [(0,) * before.ndim]


def only_forward(before, connectivity):
    return [s for s in reach(before, connectivity) if min(s) >= 0]


def one_too_far(before, connectivity):
    return reach(before, connectivity + 1)


def rolled(before, after, connectivity):
    pairs = set()
    for step in reach(before, connectivity):
        moved = np.roll(after, [-s for s in step], axis=tuple(range(after.ndim)))
        both = (before > 0) & (moved > 0)
        pairs.update(zip(before[both].tolist(), moved[both].tolist(), strict=True))
    return pairs


def cut_on_one_side(before, after, connectivity):
    pairs = set()
    for step in reach(before, connectivity):
        moved = after[tuple(slice(max(s, 0), None) for s in step)]
        both = (before > 0) & (moved > 0)
        pairs.update(zip(before[both].tolist(), moved[both].tolist(), strict=True))
    return pairs


def place_by_place(before, after, connectivity):
    reached = range(1 - connectivity, connectivity)
    return {
        (int(before[i]), int(after[i + step]))
        for i, step in product(range(len(before)), reached)
        if 0 <= i + step < len(after) and before[i] and after[i + step]
    }


def paired_as_list(before, after, connectivity):
    both = (before > 0) & (after > 0)
    return list(zip(before[both].tolist(), after[both].tolist(), strict=True))


def every_combination(before, after, connectivity):
    return set(
        product(np.unique(before[before > 0]).tolist(), np.unique(after[after > 0]).tolist())
    )


# 08.4


def merged_once(count, pairs):
    table = np.arange(count + 1)
    for one, other in pairs:
        table[max(one, other)] = table[min(one, other)]
    return table


def parents_overwritten(count, pairs):
    parent = list(range(count + 1))
    for one, other in pairs:
        parent[max(one, other)] = min(one, other)
    for piece in range(count + 1):
        parent[piece] = parent[parent[piece]]
    return np.array(parent)


def rooted(
    link: Callable[[list[int], int, int], None], end: Callable[[list[int], Any], list[int]]
) -> Callable[..., Any]:
    """Union-find in which roots are linked, and the table is made, as told."""

    def merge_pairs(count, pairs):
        parent = list(range(count + 1))

        def root(piece):
            while parent[piece] != piece:
                piece = parent[piece]
            return piece

        for one, other in pairs:
            link(parent, root(one), root(other))
        return np.array(end(parent, root))

    return merge_pairs


def to_the_smaller(parent, one, other):
    parent[max(one, other)] = min(one, other)


def to_the_second(parent, one, other):
    parent[one] = other


def all_roots(parent, root):
    return [root(piece) for piece in range(len(parent))]


def followed(parent):
    table = np.array(parent)
    for _ in parent:
        table = table[table]
    return table


def parents_without_roots(count, pairs):
    parent = list(range(count + 1))
    for one, other in pairs:
        parent[other] = one
    return followed(parent)


def larger_without_roots(count, pairs):
    parent = list(range(count + 1))
    for one, other in pairs:
        parent[max(one, other)] = min(one, other)
    return followed(parent)


def called_again(count, pairs):
    parent = list(range(count + 1))

    def root(piece):
        return piece if parent[piece] == piece else root(parent[piece])

    for one, other in pairs:
        parent[max(root(one), root(other))] = min(root(one), root(other))
    return np.array([root(piece) for piece in range(count, -1, -1)])[::-1]


merged = rooted(to_the_smaller, all_roots)

# 08.5


def by_size(
    small: Callable[[Any, int], Any] = lambda sizes, min_size: sizes < min_size,
    add: Callable[[Any, Any], Any] = lambda sizes, more: sizes + more,
    put: Callable[[Any, Any], Any] = lambda gone, block: np.where(gone, 0, block),
) -> Callable[..., Any]:
    """Remove objects by a table of sizes that is made, compared and used as told."""

    def remove_small(labels, count, min_size, target):
        sizes = np.zeros(count + 1, "int64")
        for index in chunk_slices(labels.shape, labels.chunks):
            sizes = add(sizes, np.bincount(labels[index].ravel(), minlength=count + 1))
        gone = small(sizes, min_size)
        for index in chunk_slices(target.shape, target.chunks):
            block = labels[index]
            target[index] = put(gone[block], block)

    return remove_small


def chunk_by_chunk(labels, count, min_size, target):
    for index in chunk_slices(target.shape, target.chunks):
        block = labels[index]
        sizes = np.bincount(block.ravel(), minlength=count + 1)
        target[index] = np.where((sizes < min_size)[block], 0, block)


def sizes_so_far(labels, count, min_size, target):
    sizes = np.zeros(count + 1, "int64")
    for index in chunk_slices(target.shape, target.chunks):
        block = labels[index]
        sizes += np.bincount(block.ravel(), minlength=count + 1)
        target[index] = np.where((sizes < min_size)[block], 0, block)


def without_minlength(labels, count, min_size, target):
    sizes = np.zeros(count + 1, "int64")
    for index in chunk_slices(labels.shape, labels.chunks):
        sizes += np.bincount(labels[index].ravel())


def looked_up_by_product(labels, count, min_size, target):
    large = np.ones(count + 1, bool)
    for index in chunk_slices(target.shape, target.chunks):
        target[index] = labels[index] * large


def sized_whole(labels, count, min_size, target):
    block = labels[...]
    small = np.bincount(block.ravel()) < min_size
    for index in chunk_slices(target.shape, target.chunks):
        target[index] = np.where(small[block[index]], 0, block[index])


# 08.6


def summed(
    *,
    start: Callable[[Any, int], float] = lambda part, axis: part.start,
    add: Callable[[Any, Any], Any] = lambda table, more: table + more,
    end: Callable[[Any, Any, Any], Any] = lambda sums, sizes, voxel_size: (
        sums[1:] / sizes[1:, np.newaxis] * voxel_size
    ),
) -> Callable[..., Any]:
    """Add up sizes and coordinates, moved, added and divided as told."""

    def find_centres(labels, count, voxel_size):
        sizes, sums = np.zeros(count + 1), np.zeros((count + 1, labels.ndim))
        for index in chunk_slices(labels.shape, labels.chunks):
            block = labels[index]
            places = np.nonzero(block)
            numbers = block[places]
            more = [
                np.bincount(numbers, places[axis] + start(part, axis), minlength=count + 1)
                for axis, part in enumerate(index)
            ]
            sizes = add(sizes, np.bincount(numbers, minlength=count + 1))
            sums = add(sums, np.array(more).T)
        return end(sums, sizes, np.array(voxel_size))

    return find_centres


def one_of_several(labels, count, voxel_size):
    sizes, sums = np.zeros(count + 1), np.zeros((count + 1, labels.ndim))
    for index in chunk_slices(labels.shape, labels.chunks):
        block = labels[index]
        places = np.nonzero(block)
        sizes[block[places]] += 1
        for axis, part in enumerate(index):
            sums[block[places], axis] += places[axis] + part.start
    return sums[1:] / sizes[1:, np.newaxis] * voxel_size


def mean_of_means(labels, count, voxel_size):
    sums, chunks = np.zeros((count + 1, labels.ndim)), np.zeros(count + 1)
    for index in chunk_slices(labels.shape, labels.chunks):
        block = labels[index]
        for number in np.unique(block[block > 0]):
            places = np.argwhere(block == number) + [part.start for part in index]
            sums[number] += places.mean(axis=0)
            chunks[number] += 1
    return sums[1:] / chunks[1:, np.newaxis] * voxel_size


def middles_of_boxes(labels, count, voxel_size):
    low, high = np.full((count + 1, labels.ndim), 10**6), np.zeros((count + 1, labels.ndim), int)
    for index in chunk_slices(labels.shape, labels.chunks):
        block = labels[index]
        for number in np.unique(block[block > 0]):
            places = np.argwhere(block == number) + [part.start for part in index]
            low[number] = np.minimum(low[number], places.min(axis=0))
            high[number] = np.maximum(high[number], places.max(axis=0))
    return (low[1:] + high[1:]) / 2 * np.array(voxel_size)


def centred_whole(labels, count, voxel_size):
    block = labels[...]
    centres = ndimage.center_of_mass(block > 0, block, np.arange(1, count + 1))
    return np.array(centres) * voxel_size


# 08.7


def labelled(
    *,
    offset: bool = True,
    structure: Callable[[int, int], Any] = ndimage.generate_binary_structure,
    across: Callable[[int], int] = lambda connectivity: connectivity,
    axes: Callable[[int], Iterable[int]] = range,
    table: Callable[[int, Any], Any] = merged,
    renumber: Callable[[Any], Any] = lambda table: np.unique(table, return_inverse=True)[1],
    count_of: Callable[[int, Any], int] = lambda count, table: int(table.max()),
    by_chunk: bool = False,
) -> Callable[..., Any]:
    """Label an image from end to end, with one step done as told."""
    find = paired(reach)

    def label_image(mask, target, connectivity):
        count, ndim = 0, len(target.shape)
        for index in chunk_slices(target.shape, target.chunks):
            labels, found = ndimage.label(mask[index], structure(ndim, connectivity))
            target[index] = np.where(labels > 0, labels + count * offset, 0)
            count += found
        pairs = set()
        for axis in axes(ndim):
            for border in range(target.chunks[axis], target.shape[axis], target.chunks[axis]):
                for planes in beside(target, axis, border, by_chunk):
                    before, after = planes.take(0, axis), planes.take(1, axis)
                    pairs |= find(before, after, across(connectivity))
        names = renumber(table(count, sorted(pairs, reverse=True)))
        for index in chunk_slices(target.shape, target.chunks):
            target[index] = names[target[index]]
        return count_of(count, names)

    return label_image


def beside(target, axis, border, by_chunk):
    """Give the two planes beside a border, whole or between each two chunks on their own."""
    sizes = list(target.chunks if by_chunk else target.shape)
    sizes[axis] = target.shape[axis]
    for index in chunk_slices(target.shape, sizes):
        yield target[(*index[:axis], slice(border - 1, border + 1), *index[axis + 1 :])]


def labelled_whole(mask, target, connectivity):
    structure = ndimage.generate_binary_structure(mask.ndim, connectivity)
    target[...], count = ndimage.label(mask[...], structure)
    return count


PLANTED = [
    Planted("08.1", of_pieces(lambda numbers, times: np.sum(times > 1)), "0 is the background"),
    Planted(
        "08.1",
        of_pieces(lambda numbers, times: np.sum((numbers > 0) & (times == 1))),
        "turn the comparison around",
    ),
    Planted("08.1", of_pieces(lambda numbers, times: np.sum(times[1:])), "Those are the pieces"),
    Planted(
        "08.1",
        of_pieces(lambda numbers, times: np.sum(times[1:] - 1)),
        "counted three times",
    ),
    Planted("08.1", of_pieces(lambda numbers, times: len(numbers) - 1), "Those are all objects"),
    Planted("08.1", across_faces, "cross a corner are missing"),
    Planted("08.1", along_one_axis, "Only the borders along axis 0"),
    Planted("08.1", without_the_edges, "the end of the image cuts short"),
    Planted("08.1", lambda labels, chunks: 7, "looks hard-coded"),
    Planted("08.2", numbered(lambda block, count, found: 0), "every chunk begins at 1 again"),
    Planted("08.2", numbered(lambda block, count, found: found), "forgets all chunks"),
    Planted(
        "08.2",
        numbered(total, put=lambda labels, count: labels + count),
        "added to the background as well",
    ),
    Planted("08.2", numbered(lambda block, count, found: count + block.size), "with gaps"),
    Planted("08.2", numbered(lambda block, count, found: count + found + 1), "with gaps"),
    Planted("08.2", added_before, "The first piece of all"),
    Planted("08.2", numbered(total, given=lambda count, found: found), "in all chunks together"),
    Planted("08.2", numbered(total, given=lambda count, found: None), "end with `return"),
    Planted("08.2", with_corners, "share a face, not a corner"),
    Planted("08.2", as_a_whole, "Label each chunk on its own"),
    Planted("08.2", lambda mask, target: 5, "wrote nothing"),
    Planted("08.3", paired(straight), "objects that cross a corner stay two"),
    Planted("08.3", paired(all_steps), "Those are the pairs for connectivity 2"),
    Planted("08.3", paired(one_too_far), "Those are the pairs for connectivity 2"),
    Planted("08.3", paired(only_forward), "One direction is missing"),
    Planted("08.3", rolled, "`np.roll` moves what leaves"),
    Planted("08.3", place_by_place, "a whole row in a plane"),
    Planted("08.3", paired_as_list, "a set keeps each of them once"),
    Planted("08.3", cut_on_one_side, "must have the same shape"),
    Planted(
        "08.3",
        paired(reach, keep=lambda before, moved: (before > 0) | (moved > 0)),
        "0 is the background",
    ),
    Planted("08.3", paired(reach, keep=np.equal), "0 is the background"),
    Planted("08.3", paired(reach, pair=lambda one, other: (other, one)), "the other way round"),
    Planted("08.3", every_combination, "Those are all pairs of numbers"),
    Planted("08.3", lambda before, after, connectivity: {(1, 3)}, "looks hard-coded"),
    Planted("08.3", lambda before, after, connectivity: {1, 3}, "expected pairs"),
    Planted("08.4", merged_once, "a-b, b-c was merged only once"),
    Planted("08.4", parents_overwritten, "a-b, b-c was merged only once"),
    Planted(
        "08.4",
        rooted(to_the_smaller, lambda parent, root: parent),
        "the number of its parent",
    ),
    Planted("08.4", rooted(to_the_second, all_roots), "the smallest number of its object"),
    Planted("08.4", parents_without_roots, "let the larger point to the smaller one"),
    Planted("08.4", larger_without_roots, "must not forget the first one"),
    Planted("08.4", lambda count, pairs: list(range(count + 1)), "With `np.array(...)`"),
    Planted("08.4", called_again, "Follow the chain in a loop"),
    Planted(
        "08.4",
        rooted(to_the_smaller, lambda parent, root: all_roots(parent, root)[1:]),
        "for the background 0",
    ),
    Planted("08.4", lambda count, pairs: np.arange(count + 1), "Nothing was merged"),
    Planted("08.4", lambda count, pairs: np.minimum(np.arange(count + 1), 1), "the same number"),
    Planted("08.5", chunk_by_chunk, "areas of chunks were compared with `min_size` one by one"),
    Planted("08.5", sizes_so_far, "add the sizes up over all chunks first"),
    Planted("08.5", by_size(lambda sizes, n: sizes <= n), "is large enough"),
    Planted("08.5", by_size(lambda sizes, n: sizes >= n), "turn the comparison around"),
    Planted("08.5", by_size(add=np.maximum), "The largest piece of each object"),
    Planted("08.5", by_size(add=lambda sizes, more: more), "in the last chunk"),
    Planted("08.5", by_size(put=lambda gone, block: ~gone & (block > 0)), "That is a mask"),
    Planted("08.5", by_size(put=lambda gone, block: block), "Nothing was removed"),
    Planted("08.5", looked_up_by_product, "`small[block]`"),
    Planted("08.5", without_minlength, "`minlength=count + 1`"),
    Planted("08.5", sized_whole, "the whole image"),
    Planted("08.5", lambda labels, count, min_size, target: None, "wrote nothing"),
    Planted("08.6", mean_of_means, "the mean of the means of the chunks"),
    Planted("08.6", summed(start=lambda part, axis: 0), "Coordinates within a chunk begin at 0"),
    Planted(
        "08.6",
        summed(end=lambda sums, sizes, voxel: sums[1:] / sizes[1:, np.newaxis]),
        "Those are voxels",
    ),
    Planted("08.6", summed(start=lambda part, axis: part.start + 0.5), "add no half voxel"),
    Planted(
        "08.6",
        summed(end=lambda sums, sizes, voxel: sums[1:] / sizes[1:, np.newaxis] * voxel[::-1]),
        "in the wrong order",
    ),
    Planted(
        "08.6",
        summed(end=lambda sums, sizes, voxel: sums / sizes[:, np.newaxis] * voxel),
        "The first row is that of the background",
    ),
    Planted(
        "08.6",
        summed(end=lambda sums, sizes, voxel: sums[1:] / sizes[1:] * voxel),
        "sizes[:, np.newaxis]",
    ),
    Planted("08.6", summed(add=lambda table, more: more), "Add up two things"),
    Planted("08.6", one_of_several, "adds only one of several voxels"),
    Planted("08.6", middles_of_boxes, "the middles of the boxes"),
    Planted("08.6", centred_whole, "the whole image"),
    Planted("08.6", lambda labels, count, voxel_size: None, "end with `return"),
    Planted("08.7", labelled(offset=False), "of different chunks share a number"),
    Planted("08.7", labelled(across=lambda connectivity: 1), "Objects that cross a corner stay"),
    Planted("08.7", labelled(by_chunk=True), "Objects that cross a corner stay"),
    Planted("08.7", labelled(across=lambda connectivity: 3), "They touch only diagonally"),
    Planted("08.7", labelled(structure=lambda ndim, n: None), "Both lie in one chunk"),
    Planted("08.7", labelled(axes=lambda ndim: range(1)), "along axis 1"),
    Planted("08.7", labelled(axes=lambda ndim: []), "Nothing was merged across borders"),
    Planted("08.7", labelled(table=merged_once), "A chain was merged only once"),
    Planted("08.7", labelled(renumber=lambda table: table), "their numbers go up to"),
    Planted("08.7", labelled(count_of=lambda count, table: count), "not that of pieces"),
    Planted("08.7", labelled_whole, "the whole image"),
    Planted("08.7", lambda mask, target, connectivity: 3, "wrote nothing"),
]
