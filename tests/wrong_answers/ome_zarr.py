"""Wrong answers to the exercises on OME-Zarr."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import zarr
from scipy import ndimage

from data_helpers import chunk_slices, window_mean, window_mode
from wrong_answers.common import Planted

# 04.1


def level(
    shape: object = (23, 18, 26),
    scale: object = (2.0, 2.0, 2.0),
    translation: object = (0.5, 0.875, 0.875),
) -> dict[str, object]:
    return {"shape": shape, "scale": scale, "translation": translation}


# 04.2


def sums_and_counts(block, factors):
    sums, counts = block.astype("int64"), np.ones(block.shape, "int64")
    for axis, factor in enumerate(factors):
        starts = np.arange(0, block.shape[axis], factor)
        sums = np.add.reduceat(sums, starts, axis=axis)
        counts = np.add.reduceat(counts, starts, axis=axis)
    return sums, counts


def mean_by(rounding: Callable[[Any], Any]) -> Callable[..., Any]:
    def window_mean(block, factors):
        sums, counts = sums_and_counts(block, factors)
        return rounding(sums / counts).astype(block.dtype)

    return window_mean


def mean_left_as_float(block, factors):
    sums, counts = sums_and_counts(block, factors)
    return sums / counts


def sums_that_wrap(block, factors):
    sums, counts = sums_and_counts(block, factors)
    wrapped = sums.astype(block.dtype).astype("int64")
    return ((wrapped + counts // 2) // counts).astype(block.dtype)


def pairs_that_wrap(block, factors):
    for axis, factor in enumerate(factors):
        starts = np.arange(0, block.shape[axis], factor)
        block = np.add.reduceat(block, starts, axis=axis, dtype=block.dtype) // factor
    return block


def ragged_edge_dropped(block, factors):
    whole = block[tuple(slice(n // f * f) for n, f in zip(block.shape, factors, strict=True))]
    return window_mean(whole, factors)


def padded(mode: str) -> Callable[..., Any]:
    def window_mean_of_padded(block, factors):
        widths = [(0, -n % f) for n, f in zip(block.shape, factors, strict=True)]
        return window_mean(np.pad(block, widths, mode=mode), factors)

    return window_mean_of_padded


def divided_by_whole_window(block, factors):
    sums, _ = sums_and_counts(block, factors)
    return np.floor(sums / np.prod(factors) + 0.5).astype(block.dtype)


def rounded_after_each_axis(block, factors):
    for axis, factor in enumerate(factors):
        only = [factor if other == axis else 1 for other in range(block.ndim)]
        block = window_mean(block, only)
    return block


def strided(block, factors):
    return block[tuple(slice(None, None, factor) for factor in factors)]


def zoomed(block, factors):
    return ndimage.zoom(block, [1 / factor for factor in factors], order=1)


def right_but_int64(block, factors):
    return window_mean(block, factors).astype("int64")


# 04.3


def metadata(
    scale: Callable[[Any, Any], Any] = lambda f, v: f * v,
    translation: Callable[[Any, Any], Any] = lambda f, v: (f - 1) / 2 * v,
    unit: str = "micrometer",
    order: int = 1,
    **more: Any,
) -> Callable[..., Any]:
    def image_metadata(name, axes, voxel_size, factors):
        kinds = {"t": ("time", "second"), "c": ("channel", "")}
        described = [
            {"name": axis, "type": kind, **({"unit": word} if word else {})}
            for axis in axes
            for kind, word in [kinds.get(axis, ("space", unit))]
        ]
        datasets = []
        for number, factor in enumerate(factors):
            pairs = [(float(f), v) for f, v in zip(factor, voxel_size, strict=True)]
            vectors = {
                "scale": [scale(f, v) for f, v in pairs],
                "translation": [translation(f, v) for f, v in pairs],
            }
            transformations = [{"type": key, key: vector} for key, vector in vectors.items()]
            datasets.append(
                {"path": str(number), "coordinateTransformations": transformations[::order]}
            )
        multiscale = {"name": name, "axes": described, "datasets": datasets}
        return {"version": "0.5", "multiscales": [multiscale]} | more

    return image_metadata


def edited(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """Change metadata that are right."""

    def image_metadata(name, axes, voxel_size, factors):
        right = metadata()(name, axes, voxel_size, factors)
        return change(right) or right

    return image_metadata


def multiscale_of(found):
    return found["multiscales"][0]


def no_translation(found):
    for dataset in multiscale_of(found)["datasets"]:
        del dataset["coordinateTransformations"][1]


def last_dataset_only(found):
    multiscale = multiscale_of(found)
    multiscale["datasets"] = multiscale["datasets"][-1:]


def scale_for_all(found):
    multiscale = multiscale_of(found)
    for dataset in multiscale["datasets"]:
        multiscale["coordinateTransformations"] = dataset.pop("coordinateTransformations")


def relative_to_the_level_before(name, axes, voxel_size, factors):
    grown = [tuple(np.prod(factors[: k + 1], axis=0).tolist()) for k in range(len(factors))]
    return metadata()(name, axes, voxel_size, grown)


def space_only(name, axes, voxel_size, factors):
    right = metadata()(name, axes, voxel_size, factors)
    for dataset in multiscale_of(right)["datasets"]:
        for one in dataset["coordinateTransformations"]:
            one[one["type"]] = one[one["type"]][-3:]
    return right


# 04.4


def windows_of(index, factors):
    return tuple(slice(s.start * f, s.stop * f) for s, f in zip(index, factors, strict=True))


def level_at_once(source, target, factors):
    target[...] = window_mean(source[...], factors)


def level_from_whole(source, target, factors):
    whole = source[...]
    for index in chunk_slices(target.shape, target.chunks):
        target[index] = window_mean(whole[windows_of(index, factors)], factors)


def level_kept(source, target, factors):
    indices = list(chunk_slices(target.shape, target.chunks))
    parts = [window_mean(source[windows_of(index, factors)], factors) for index in indices]
    for index, part in zip(indices, parts, strict=True):
        target[index] = part


def by_chunks_of_the_source(source, target, factors):
    for index in chunk_slices(source.shape, source.chunks):
        place = tuple(
            slice(s.start // f, -(-s.stop // f)) for s, f in zip(index, factors, strict=True)
        )
        target[place] = window_mean(source[index], factors)


def whole_chunks_only(source, target, factors):
    for index in chunk_slices(target.shape, target.chunks):
        if all(s.stop - s.start == n for s, n in zip(index, target.chunks, strict=True)):
            target[index] = window_mean(source[windows_of(index, factors)], factors)


def voxel_by_voxel(source, target, factors):
    for index in chunk_slices(target.shape, target.chunks):
        windows = windows_of(index, factors)
        rows = [
            source[(slice(at, at + factors[0]), *windows[1:])]
            for at in range(windows[0].start, min(windows[0].stop, source.shape[0]), factors[0])
        ]
        target[index] = window_mean(np.concatenate(rows), factors)


def level_by(shrink: Callable[..., Any]) -> Callable[..., None]:
    def write_level(source, target, factors):
        for index in chunk_slices(target.shape, target.chunks):
            target[index] = shrink(source[windows_of(index, factors)], factors)

    return write_level


# 04.5


def mode_by(rule: Callable[[Any], Any]) -> Callable[..., Any]:
    def window_mode(block, factors):
        shape = [-(-n // f) for n, f in zip(block.shape, factors, strict=True)]
        found = np.empty(shape, block.dtype)
        for index in chunk_slices(block.shape, factors):
            place = tuple(s.start // f for s, f in zip(index, factors, strict=True))
            found[place] = rule(block[index].ravel())
        return found

    return window_mode


def first_of_the_most_frequent(window):
    return Counter(window.tolist()).most_common(1)[0][0]


def largest_of_the_most_frequent(window):
    counts = Counter(window.tolist())
    return max(counts, key=lambda value: (counts[value], value))


def without_the_background(window):
    return window_mode(window[window > 0], window[window > 0].shape)[0] if window.any() else 0


def mode_of_padded(block, factors):
    widths = [(0, -n % f) for n, f in zip(block.shape, factors, strict=True)]
    return window_mode(np.pad(block, widths), factors)


# 04.6


def chunks_of(array):
    return chunk_slices(array.shape, array.chunks)


def has_null(value):
    inside = value.values() if isinstance(value, dict) else value
    return any(map(has_null, inside)) if isinstance(value, (dict, list)) else value is None


def finds(
    *,
    null: Callable[[Any], bool] = has_null,
    unit: Callable[[Any], bool] = lambda unit: unit != "micrometer",
    differ: Callable[[Any, Any], bool] = lambda a, b: not np.allclose(a, b, rtol=1e-6),
    lost: Callable[[Any], bool] = lambda array: array.nchunks_initialized < array.nchunks,
    levels: slice = slice(None),
    where: Callable[[int, str], str] = lambda number, path: path,
    default: Any = 0.0,
    at_most: int | None = None,
) -> Callable[..., Any]:
    """Look for faults, right but for what is given."""

    def find_faults(path, factors):
        group = zarr.open_group(path, mode="r")
        metadata = group.attrs["ome"]
        image = metadata["multiscales"][0]
        found = [("", "null")] if null(metadata) else []
        found += [("", "unit")] if any(unit(axis.get("unit")) for axis in image["axes"]) else []
        vectors = [
            {one["type"]: np.array(one[one["type"]]) for one in d["coordinateTransformations"]}
            for d in image["datasets"]
        ]
        full = vectors[0]["scale"]
        rows = list(enumerate(zip(image["datasets"], vectors, factors, strict=True)))
        for number, (dataset, vector, factor) in rows[levels]:
            name = where(number, dataset["path"])
            moved = vector.get("translation", default * full)
            if differ(vector["scale"], np.array(factor) * full):
                found.append((name, "scale"))
            if differ(moved, (np.array(factor) - 1) / 2 * full):
                found.append((name, "translation"))
            if lost(group[dataset["path"]]):
                found.append((name, "chunk"))
        return set(found[:at_most])

    return find_faults


def last_seen_after_the_loop(path, factors):
    for name in zarr.open_group(path, mode="r").array_keys():
        last = name
    found = finds()(path, factors)
    return {(last if place else "", word) for place, word in found}


def judged_by_the_level_before(path, factors):
    image = zarr.open_group(path, mode="r").attrs["ome"]["multiscales"][0]
    scales = [d["coordinateTransformations"][0]["scale"] for d in image["datasets"]]
    found = {fault for fault in finds()(path, factors) if fault[1] != "scale"}
    for number, (before, scale) in enumerate(pairwise(scales), 1):
        step = np.divide(factors[number], factors[number - 1])
        if not np.allclose(scale, step * before, rtol=1e-6):
            found.add((image["datasets"][number]["path"], "scale"))
    return found


def judged_by_its_own_scale(path, factors):
    image = zarr.open_group(path, mode="r").attrs["ome"]["multiscales"][0]
    found = {fault for fault in finds()(path, factors) if fault[1] != "translation"}
    for dataset, factor in zip(image["datasets"], factors, strict=True):
        vectors = {one["type"]: one[one["type"]] for one in dataset["coordinateTransformations"]}
        expected = np.subtract(1, np.divide(1, factor)) / 2 * vectors["scale"]
        if not np.allclose(vectors.get("translation", 0.0), expected, rtol=1e-6):
            found.add((dataset["path"], "translation"))
    return found


# 04.7


def levels_of(source, levels, make: Callable[[int], Any]) -> None:
    """Write whole levels, chunk by chunk."""
    for number, target in enumerate(levels):
        values = make(number)
        for index in chunk_slices(target.shape, target.chunks):
            target[index] = values[index]


def everything_at_once(source, levels):
    whole = source[...]
    two = np.full(len(source.shape), 2)
    levels_of(source, levels, lambda number: window_mean(whole, two ** (number + 1)))


def one_after_the_other(source, levels):
    for number, target in enumerate(levels):
        factors = (2 ** (number + 1),) * len(source.shape)
        level_by(window_mean)(source, target, factors)


def from_the_level_before(source, levels):
    before = source
    for target in levels:
        level_by(window_mean)(before, target, (2,) * len(source.shape))
        before = target


def means_handed_on(source, levels):
    two = (2,) * len(source.shape)
    held = source[...]
    for target in levels:
        held = window_mean(held, two)
        for index in chunk_slices(target.shape, target.chunks):
            target[index] = held[index]


def float_means_handed_on(source, levels):
    def shrink(values, factors):
        sums, counts = np.asarray(values, "f8"), np.ones(values.shape)
        for axis, n in enumerate(values.shape):
            sums = np.add.reduceat(sums, np.arange(0, n, 2), axis=axis)
            counts = np.add.reduceat(counts, np.arange(0, n, 2), axis=axis)
        return sums / counts

    two = (2,) * len(source.shape)
    held = source[...]
    for target in levels:
        held = shrink(held, two)
        for index in chunk_slices(target.shape, target.chunks):
            target[index] = np.floor(held[index] + 0.5).astype(target.dtype)


def by_shares(source, levels):
    """Write each share where it belongs as soon as it is there."""
    for index in chunk_slices(source.shape, source.chunks):
        for number, target in enumerate(levels):
            f = 2 ** (number + 1)
            place = tuple(slice(s.start // f, -(-s.stop // f)) for s in index)
            target[place] = window_mean(source[index], (f,) * len(index))


def first_level_only(source, levels):
    level_by(window_mean)(source, levels[0], (2,) * len(source.shape))


def sums_kept(source, levels):
    """Read once, but keep the sums of whole levels."""
    two = (2,) * len(source.shape)
    sums = np.zeros([-(-n // 2) for n in source.shape], "int64")
    for index in chunk_slices(source.shape, source.chunks):
        place = tuple(slice(s.start // 2, -(-s.stop // 2)) for s in index)
        sums[place] = sums_and_counts(source[index], two)[0]
    for number, target in enumerate(levels):
        _, counts = counts_for(source.shape, 2 ** (number + 1))
        for index in chunk_slices(target.shape, target.chunks):
            target[index] = (sums[index] + counts[index] // 2) // counts[index]
        sums, _ = sums_and_counts(sums, two)


def counts_for(shape: Sequence[int], factor: int) -> Any:
    lengths = [np.minimum(factor, n - np.arange(0, n, factor)) for n in shape]
    counts = lengths[0]
    for along in lengths[1:]:
        counts = np.multiply.outer(counts, along)
    return lengths, counts


PLANTED = [
    Planted("04.1", level(shape=(22, 17, 25)), "round up"),
    Planted("04.1", level(shape=(6, 18, 26)), "z waits for two levels"),
    Planted("04.1", level(shape=(45, 18, 26)), "the third level halves z"),
    Planted("04.1", level(shape=(45, 35, 51)), "That is level 2"),
    Planted("04.1", level(shape=(22.5, 17.125, 25.125)), "no part of a voxel"),
    Planted("04.1", level(shape=(26, 18, 23)), "in the order z, y, x"),
    Planted("04.1", level(scale=(0.5, 0.03125, 0.03125)), "Divided instead of multiplied"),
    Planted("04.1", level(scale=(1.0, 0.25, 0.25)), "That is level 0"),
    Planted("04.1", level(scale=(2, 8, 8)), "multiply them by the voxel size"),
    Planted("04.1", level(scale=(8, 2, 2)), "z waits for two levels"),
    Planted("04.1", level(scale=(45 / 23, 137 / 4 / 18, 201 / 4 / 26)), "all windows are equally"),
    Planted("04.1", level(translation=(0, 0, 0)), "lies in the middle of the window"),
    Planted("04.1", level(translation=(1.0, 1.0, 1.0)), "counted from the outer edge"),
    Planted("04.1", level(translation=(0.5, 3.5, 3.5)), "multiply by their size"),
    Planted("04.1", level(translation=(0.5, 0.5, 0.5)), "the steps of the levels add up"),
    Planted("04.1", level(translation=(1.0, 7.0, 7.0)), "not of the level's"),
    Planted("04.1", level(translation=(-0.5, -0.875, -0.875)), "translations are not negative"),
    Planted("04.1", level(translation=None), "still `None`"),
    Planted("04.1", level(scale=2.0), "One number per axis"),
    Planted("04.1", (23, 18, 26), "Keep the keys"),
    Planted("04.2", mean_by(lambda mean: mean), "Decimals are cut off"),
    Planted("04.2", mean_by(np.rint), "to the nearest even"),
    Planted("04.2", mean_by(lambda mean: np.trunc(mean + 0.5)), "Half up means towards"),
    Planted("04.2", mean_by(np.ceil), "Rounded up always"),
    Planted("04.2", mean_left_as_float, "the image has integers"),
    Planted("04.2", sums_that_wrap, "wraps around"),
    Planted("04.2", pairs_that_wrap, "as int64"),
    Planted("04.2", ragged_edge_dropped, "lengths are rounded up"),
    Planted("04.2", padded("constant"), "the number of voxels that are there"),
    Planted("04.2", padded("edge"), "filled with copies"),
    Planted("04.2", divided_by_whole_window, "the number of voxels that are there"),
    Planted("04.2", rounded_after_each_axis, "errors add up"),
    Planted("04.2", strided, "one voxel of each window"),
    Planted("04.2", zoomed, "interpolates between"),
    Planted("04.2", right_but_int64, "go back to the dtype"),
    Planted("04.2", lambda block, factors: block, "not one per voxel"),
    Planted("04.2", lambda block, factors: window_mean(block, factors[::-1]), "order of the axes"),
    Planted("04.2", lambda b, f: window_mean(b, f[:1] * b.ndim), "a factor of its own"),
    Planted("04.2", lambda block, factors: None, "end with `return"),
    Planted("04.3", metadata(scale=lambda f, v: v / f), "Divided instead of multiplied"),
    Planted("04.3", metadata(scale=lambda f, v: v), "A coarse level has its own"),
    Planted("04.3", metadata(scale=lambda f, v: f), "multiply them by the voxel size"),
    Planted("04.3", metadata(translation=lambda f, v: 0.0), "everything moves from level to level"),
    Planted("04.3", metadata(translation=lambda f, v: f / 2 * v), "counted from the outer edge"),
    Planted("04.3", metadata(translation=lambda f, v: (f - 1) / 2), "multiply by their size"),
    Planted("04.3", metadata(translation=lambda f, v: (f - 1) / 2 * v * f), "not of the level's"),
    Planted("04.3", metadata(scale=lambda f, v: np.int64(f) * 1), "JSON knows no types of NumPy"),
    Planted("04.3", metadata(unit="um"), "without short forms"),
    Planted("04.3", metadata(unit=""), "Space is in micrometres"),
    Planted("04.3", metadata(order=-1), "Scale first"),
    Planted("04.3", metadata(omero=None), "leave it out"),
    Planted("04.3", metadata(version=0.5), "Versions are texts"),
    Planted("04.3", edited(lambda m: {"ome": m}), "Return what belongs into"),
    Planted("04.3", edited(lambda m: multiscale_of(m)["axes"].reverse()), "the slowest first"),
    Planted(
        "04.3",
        edited(
            lambda m: multiscale_of(m).update(axes=[a["name"] for a in multiscale_of(m)["axes"]])
        ),
        "an axis was just a letter",
    ),
    Planted(
        "04.3",
        edited(
            lambda m: [a.setdefault("unit", "micrometer") for a in multiscale_of(m)["axes"]][:0]
        ),
        "Channels are counted",
    ),
    Planted("04.3", edited(no_translation), "everything moves from level to level"),
    Planted("04.3", edited(last_dataset_only), "inside the loop"),
    Planted("04.3", edited(scale_for_all), "Readers look for the voxel size here"),
    Planted("04.3", relative_to_the_level_before, "count from the full resolution"),
    Planted("04.3", space_only, "time and channel as well"),
    Planted("04.3", lambda *args: metadata()("a", "yx", (1.0, 1.0), [(1, 1)]), "looks hard-coded"),
    Planted("04.4", level_at_once, "reads too much"),
    Planted("04.4", level_from_whole, "reads too much"),
    Planted("04.4", level_kept, "forget both before the next"),
    Planted("04.4", by_chunks_of_the_source, "Put together what belongs into one chunk"),
    Planted("04.4", whole_chunks_only, "those that the edge cuts short too"),
    Planted("04.4", voxel_by_voxel, "Read all windows of one chunk of the target at once"),
    Planted("04.4", level_by(sums_that_wrap), "wraps around"),
    Planted("04.4", level_by(mean_by(lambda mean: mean)), "Decimals are cut off"),
    Planted("04.4", level_by(padded("constant")), "the number of voxels that are there"),
    Planted("04.4", level_by(strided), "one voxel of each window"),
    Planted("04.4", level_by(lambda b, f: window_mean(b, f)[::-1]), "voxel `i` stands for"),
    Planted("04.4", lambda source, target, factors: None, "Go through all of its chunks"),
    Planted("04.5", window_mean, "Labels are names, not amounts"),
    Planted("04.5", mode_by(np.median), "Labels are names, not amounts"),
    Planted("04.5", strided, "That is one voxel of each window"),
    Planted("04.5", mode_by(np.max), "That is the largest label"),
    Planted("04.5", mode_by(first_of_the_most_frequent), "take the smallest"),
    Planted("04.5", mode_by(largest_of_the_most_frequent), "take the smallest"),
    Planted("04.5", mode_by(without_the_background), "The background is a value"),
    Planted("04.5", mode_of_padded, "filled with zeros, which then win"),
    Planted("04.5", lambda b, f: window_mode(b.astype("u1"), f).astype(b.dtype), "np.unique"),
    Planted("04.5", lambda b, f: window_mode(b, f).astype("int64"), "go back to the dtype"),
    Planted("04.6", lambda path, factors: set(), "looks hard-coded"),
    Planted("04.6", lambda path, factors: None, "end with `return"),
    Planted("04.6", lambda path, factors: {"scale"}, "pairs of a path and one of"),
    Planted("04.6", finds(null=lambda m: m.get("omero", 0) is None), "at any depth"),
    Planted("04.6", finds(unit=lambda unit: unit == "um"), "the unit of these images"),
    Planted("04.6", finds(differ=lambda a, b: (np.array(a) != b).any()), "Numbers in files are"),
    Planted("04.6", finds(lost=lambda array: not array[...].any()), "Count files"),
    Planted("04.6", finds(lost=lambda a: any(not a[i].any() for i in chunks_of(a))), "all 0"),
    Planted("04.6", finds(levels=slice(-1, None)), "at the last one after a loop"),
    Planted("04.6", finds(where=lambda number, path: str(number)), "is that of the dataset"),
    Planted("04.6", finds(default=1.0), "may be left out"),
    Planted("04.6", finds(at_most=1), "not only the first"),
    Planted("04.6", judged_by_the_level_before, "Judge each level by the full resolution"),
    Planted("04.6", judged_by_its_own_scale, "not by the level's own"),
    Planted("04.6", last_seen_after_the_loop, "is that of this round"),
    Planted("04.7", everything_at_once, "siblings meet early"),
    Planted("04.7", one_after_the_other, "One pass is enough"),
    Planted("04.7", from_the_level_before, "means of means"),
    Planted("04.7", means_handed_on, "means of means"),
    Planted("04.7", float_means_handed_on, "means of means"),
    Planted("04.7", by_shares, "Put together what belongs into one chunk"),
    Planted("04.7", first_level_only, "Go through all of its chunks"),
    Planted("04.7", sums_kept, "siblings meet early"),
]
