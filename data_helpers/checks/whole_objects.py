"""Marks labels of a whole image, made chunk by chunk, and says which objects went wrong and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from data_helpers import grid
from data_helpers.checks.arrays import error_map
from data_helpers.checks.marking import Answer, Wrong
from data_helpers.checks.random_objects import blobs, checkerboard, corner_lattice, winding
from data_helpers.checks.targets import WatchedTarget, ask
from data_helpers.checks.watched import WatchedArray
from data_helpers.checks.words import kind, short

__all__ = ["mark_label_image"]

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

_CORNERS = (
    "Objects that cross a corner stay two: with this connectivity voxels on both sides of a border "
    "touch diagonally as well. Pair the numbers of the plane before a border with those of the "
    "plane after it, moved by every step that the connectivity allows, and over the whole image, "
    "so that chunks that meet in an edge or corner are in it."
)
_CHAINS = (
    "A chain was merged only once: where a touches b, and b touches c, all three are one object. "
    "Follow each piece to the end of its chain before you merge it, and once more at the end."
)


def mark_label_image(answer: Answer) -> str:
    """Mark 08.7: the objects of the whole image, whatever crosses the borders of chunks."""
    cases = list(_cases(answer.rng))
    for name, mask, chunks, connectivity in cases:
        source = WatchedArray(mask, tuple(size + 1 for size in chunks))
        target = WatchedTarget(mask.shape, "int32", chunks)
        count, question = ask(answer, source, target, connectivity)
        if not target.writes:
            raise Wrong(
                f"`{question}` wrote nothing to `target`.",
                "Write each chunk twice: first with the numbers of its pieces, then with those of "
                "the objects.",
            )
        _expect_objects(_Labels(target, mask, connectivity, question, name))
        _expect_count(count, int(target.values.max()), question)
        _expect_little_at_once(source, target, question)
    return (
        f"{len(cases)} images with all connectivities, among them an object that winds through "
        "all chunks and objects that touch across corners only: those of the whole image."
    )


def _cases(rng: np.random.Generator) -> Iterator[tuple[str, Array, Sizes, int]]:
    """Draw what is easy first: name, mask, chunks and connectivity."""
    yield "random objects", blobs(rng, (22, 25), (6, 7)), (6, 7), 1
    yield "random objects", blobs(rng, (22, 25), (6, 7), 0.3), (6, 7), 2
    yield "an object that winds through all chunks", winding((21, 19)), (5, 6), 1
    yield "random objects", blobs(rng, (11, 12, 13), (4, 5, 6), 0.35), (4, 5, 6), 1
    yield "an object that winds through all chunks", winding((9, 10, 11)), (4, 4, 5), 1
    for connectivity in (2, 3):
        pattern = checkerboard if connectivity == 2 else corner_lattice
        mask = pattern((9, 10, 11))
        mask &= ndimage.zoom(rng.random((3, 3, 3)), (3, 10 / 3, 11 / 3), order=0) < 0.85
        name = "objects that touch across edges and corners only"
        yield name, mask, (4, 4, 5), connectivity


@dataclass(frozen=True)
class _Labels:
    """What an answer wrote, and what for."""

    target: WatchedTarget
    mask: Array
    connectivity: int
    question: str
    name: str

    @property
    def found(self) -> Array:
        """The labels that were written."""
        return self.target.values

    def objects(self, connectivity: int) -> Array:
        """Label the whole image, for one connectivity."""
        structure = ndimage.generate_binary_structure(self.mask.ndim, connectivity)
        labels: Array = ndimage.label(self.mask, structure)[0]
        return labels

    def wrong(self, summary: str, advice: str, where: Array | None = None) -> Wrong:
        """Say what is wrong, with a picture for an image of two axes."""
        drawn = where is not None and self.mask.ndim == 2
        picture = error_map(where, self.target.chunks) if drawn and where is not None else ""
        return Wrong(f"`{self.question}`, for {self.name}: {summary}", advice, picture)


def _expect_objects(labels: _Labels) -> None:
    """Refuse labels that are not those of the objects, whatever their numbers are."""
    found, mask = labels.found, labels.mask
    if ((found != 0) != mask).any():
        wrong = (found != 0) != mask
        raise labels.wrong(
            f"{wrong.sum()} voxels are wrong: objects have 0, or the background has a number.",
            "Write 0 where the mask is 0, and numbers from 1 everywhere else: no offset for the "
            "background, and all chunks, also those that the edge cuts short.",
            wrong,
        )
    objects = labels.objects(labels.connectivity)
    _refuse_joined(labels, objects)
    _refuse_split(labels, objects)
    numbers = np.unique(found[mask])
    if numbers[-1] != len(numbers):
        raise labels.wrong(
            f"the {len(numbers)} objects are right, but their numbers go up to {numbers[-1]}.",
            "Number them from 1, without gaps: `np.unique(table, return_inverse=True)` gives the "
            "place of each entry among all different ones.",
        )


def _refuse_joined(labels: _Labels, objects: Array) -> None:
    """Refuse two objects of one number."""
    pairs = np.unique(np.stack([labels.found[labels.mask], objects[labels.mask]]), axis=1)
    numbers, times = np.unique(pairs[0], return_counts=True)
    if not (times > 1).any():
        return
    number = numbers[times > 1][0]
    one, other = pairs[1][pairs[0] == number][:2]
    first, second = (short(tuple(np.argwhere(objects == n)[0].tolist())) for n in (one, other))
    wide = labels.objects(labels.mask.ndim)[labels.mask]
    if len(np.unique(np.stack([labels.found[labels.mask], wide]), axis=1)[0]) == len(numbers):
        advice = (
            f"They touch only diagonally, and the connectivity is {labels.connectivity}: voxels of "
            "one object differ in no more coordinates than that. Hand it on to both, "
            "`ndimage.generate_binary_structure(mask.ndim, connectivity)` for the chunks and the "
            "pairs across borders."
        )
    else:
        advice = (
            "Two objects of different chunks share a number: add the number of pieces in all "
            "chunks before it to the numbers of each chunk, before anything is merged. And merge "
            "only pairs of two numbers above 0."
        )
    summary = f"the objects at {first} and {second} both have the number {number}."
    raise labels.wrong(summary, advice, labels.found == number)


def _refuse_split(labels: _Labels, objects: Array) -> None:
    """Refuse two numbers in one object, and say which contact was not seen."""
    contacts = [_Contacts.of(labels, step) for step in _steps(labels)]
    broken = [contact for contact in contacts if contact.broken]
    if not broken:
        return
    inside = [contact for contact in broken if contact.inside]
    faces = [contact for contact in broken if sum(map(abs, contact.step)) == 1]
    worst = (inside or faces or broken)[0]
    pieces = len(np.unique(labels.found[labels.mask]))
    summary = (
        f"{pieces} numbers for {objects.max()} objects. The voxels at {short(worst.here)} and "
        f"{short(worst.there)} touch, but have the numbers {labels.found[worst.here]} and "
        f"{labels.found[worst.there]}."
    )
    cut = np.isin(objects, [objects[worst.here]])
    raise labels.wrong(summary, _why_split(labels, contacts, inside, faces), cut)


def _why_split(
    labels: _Labels,
    contacts: list["_Contacts"],
    inside: list["_Contacts"],
    faces: list["_Contacts"],
) -> str:
    """Say why objects stay two, from which contacts were not seen."""
    if inside:
        return (
            "Both lie in one chunk: `ndimage.label` joins faces only, unless it is given a "
            "structure, `ndimage.generate_binary_structure(mask.ndim, connectivity)`."
        )
    straight = [contact for contact in contacts if sum(map(abs, contact.step)) == 1]
    crossing = [contact for contact in straight if contact.across]
    if not faces:
        return _CORNERS
    if all(contact.broken == contact.across for contact in crossing):
        return "Nothing was merged across borders: find the pairs that touch there, and merge them."
    lost = [contact for contact in crossing if contact.broken == contact.across]
    if lost:
        axis = next(at for at, step in enumerate(lost[0].step) if step)
        return (
            f"Nothing was merged across borders along axis {axis}: go through all axes, and "
            "through all borders along each."
        )
    return _CHAINS


def _steps(labels: _Labels) -> list[tuple[int, ...]]:
    """List the steps to half of the neighbours, those face to face first."""
    none = (0,) * labels.mask.ndim
    steps = [s for s in product((-1, 0, 1), repeat=labels.mask.ndim) if s > none]
    reach = [s for s in steps if sum(map(abs, s)) <= labels.connectivity]
    return sorted(reach, key=lambda step: sum(map(abs, step)))


@dataclass(frozen=True)
class _Contacts:
    """Voxels of objects that touch in one direction, and how many of them were not seen to."""

    step: tuple[int, ...]
    across: int  # contacts across a border
    broken: int  # contacts between different numbers
    inside: int  # of these, within a chunk
    here: tuple[int, ...] = ()
    there: tuple[int, ...] = ()

    @classmethod
    def of(cls, labels: _Labels, step: tuple[int, ...]) -> "_Contacts":
        """Look at all neighbours in one direction."""
        here = np.argwhere(labels.mask)
        there = here + step
        valid = ((there >= 0) & (there < labels.mask.shape)).all(axis=1)
        here, there = here[valid], there[valid]
        both = labels.mask[tuple(there.T)]
        here, there = here[both], there[both]
        chunks = np.array(labels.target.chunks)
        across = (here // chunks != there // chunks).any(axis=1)
        broken = labels.found[tuple(here.T)] != labels.found[tuple(there.T)]
        counts = (int(across.sum()), int(broken.sum()), int((broken & ~across).sum()))
        if not broken.any():
            return cls(step, *counts)
        at = np.flatnonzero(broken & ~across if counts[2] else broken)[0]
        return cls(step, *counts, tuple(here[at].tolist()), tuple(there[at].tolist()))


def _expect_count(count: Any, expected: int, question: str) -> None:
    """Refuse another number of objects than there are."""
    if count is None:
        raise Wrong(f"`{question}` gave `None`.", "Return the number of objects.")
    if not isinstance(count, (int, np.integer)) or count != expected:
        given = short(count) if isinstance(count, (int, np.integer)) else kind(count)
        raise Wrong(
            f"`{question}` wrote {expected} objects, and gave {given}; expected {expected}.",
            "Return the number of objects after merging, not that of pieces.",
        )


def _expect_little_at_once(source: WatchedArray, target: WatchedTarget, question: str) -> None:
    """Refuse an answer that holds more than a chunk, or two planes of labels."""
    chunk = max(
        int(np.prod(grid.index_shape(index, source.shape)))
        for index in grid.chunk_slices(target.shape, target.chunks)
    )
    planes = max(2 * target.values.size // length for length in target.shape)
    for array, name, most in ((source, "mask", chunk), (target, "target", max(chunk, planes))):
        if array.largest_read > most:
            whole = ", the whole image" if array.largest_read == array.values.size else ""
            raise Wrong(
                f"`{question}` is right, but reads too much: {array.largest_read} voxels of "
                f"`{name}` at once{whole}; {most} are enough.",
                "The image could be larger than your memory. Read the mask and the labels chunk by "
                "chunk, and for the pairs only the two planes beside a border.",
            )
