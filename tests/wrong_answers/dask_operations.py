"""Wrong answers to the exercises on Dask operations."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import dask
import dask.array as da
import numpy as np
from scipy import ndimage

from data_helpers import otsu_from_histogram
from wrong_answers.common import Planted

# 06.1


def options(
    depth: Any = (0, 8, 5), boundary: Any = ("none", "nearest", "periodic")
) -> dict[str, Any]:
    return {"depth": depth, "boundary": boundary}


# 06.2


def ratio_of(f, w, b):
    return (f - b) / da.where(w > b, w - b, np.nan)


def as_floats(ratio: Callable[..., Any], dtype: str = "float32") -> Callable[..., Any]:
    def background_ratio(*images):
        return ratio(*(image.astype(dtype) for image in images))

    return background_ratio


def wraps(fluorescence, brightfield, background):
    light = brightfield.astype("float32") - background
    above = fluorescence - background
    return (above / da.where(light > 0, light, np.nan)).astype("float32")


def divisor_wraps(fluorescence, brightfield, background):
    light = brightfield - background
    above = fluorescence.astype("float32") - background
    return (above / da.where(light > 0, light, np.nan)).astype("float32")


def declared_wrong(fluorescence, brightfield, background):
    def ratio(f, w, b):
        f, w, b = (block.astype("float32") for block in (f, w, b))
        return (f - b) / np.where(w > b, w - b, np.nan)

    images = fluorescence, brightfield, background
    return da.map_blocks(ratio, *images, dtype=fluorescence.dtype)


def not_a_ratio_yet(fluorescence, brightfield, background):
    return ratio_of(*(i.astype("float32") for i in (fluorescence, brightfield, background))) // 1


def whole_ratio(fluorescence, brightfield, background):
    images = (i.rechunk(-1).astype("float32") for i in (fluorescence, brightfield, background))
    return ratio_of(*images).rechunk(fluorescence.chunks)


def ratio_at_once(fluorescence, brightfield, background):
    f, w, b = (np.asarray(i, "float32") for i in (fluorescence, brightfield, background))
    return (f - b) / np.where(w > b, w - b, np.nan)


def background_asked_for(fluorescence, brightfield, background):
    if background.max() > 0:
        return as_floats(ratio_of)(fluorescence, brightfield, background)
    return fluorescence / brightfield


# 06.3


def on_mask(choose: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda series, mask: choose(series, mask.rechunk(series.chunks[1:]))


def series_cut_as_mask(series, mask):
    return da.where(mask, series.rechunk((-1, *mask.chunks)), series.dtype.type(0))


def mask_computed(series, mask):
    inside = da.from_array(mask.compute(), chunks=series.chunks[1:])
    return da.where(inside, series, series.dtype.type(0))


def mask_changed(series, mask):
    mask[:2] = False
    return da.where(mask.rechunk(series.chunks[1:]), series, series.dtype.type(0))


def per_time(series, mask):
    return da.stack([da.where(mask, image, series.dtype.type(0)) for image in series])


# 06.4


def scaled_alone(block):
    block = block.astype("float32")
    return (block - block.min()) / (block.max() - block.min())


def formula(rule: Callable[..., Any]) -> Callable[..., Any]:
    def normalize(image):
        image = image.astype("float32")
        return rule(image, image.min(), image.max()).astype("float32")

    return normalize


def limits_computed(image):
    image = image.astype("float32")
    low, high = dask.compute(image.min(), image.max())
    return (image - low) / (high - low)


def wraps_around(image):
    return ((image - image.min()) / (image.max() - image.min())).astype("float32")


def scaled_in_one(image, low, high):
    return (image - low) / (high - low)


def by_the_dtype(image):
    ends = np.iinfo(image.dtype) if image.dtype.kind in "iu" else np.finfo(image.dtype)
    return ((image.astype("float64") - ends.min) / (float(ends.max) - ends.min)).astype("float32")


# 06.5


def otsu(values):
    counts = np.bincount(np.ravel(values), minlength=256)
    return otsu_from_histogram(counts, np.arange(257) - 0.5)


def counts_of(image):
    return da.histogram(image, bins=256, range=(0, 256))[0]


def threshold_from(counts, edges):
    def find(counts):
        return np.asarray(otsu_from_histogram(counts, edges))

    return counts.rechunk(-1).map_blocks(find, dtype="float64", drop_axis=0)


def lazily(compare: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda image: compare(image, threshold_from(counts_of(image), np.arange(257) - 0.5))


def counts_by_block(image):
    def count(block):
        return np.bincount(block.ravel(), minlength=256).reshape((1,) * block.ndim + (256,))

    chunks = (*((1,) * n for n in image.numblocks), (256,))
    return image.map_blocks(count, dtype="int64", new_axis=image.ndim, chunks=chunks)


def one_axis_summed(image):
    return image > threshold_from(counts_by_block(image).sum(axis=0), np.arange(257) - 0.5)


def axis_not_dropped(image):
    counts = counts_by_block(image).sum(axis=tuple(range(image.ndim)))
    return image > counts.map_blocks(otsu_of_counts, dtype="float64")


def otsu_of_counts(counts):
    return otsu_from_histogram(counts, np.arange(257) - 0.5)


def counts_not_lazy(image):
    counts = counts_by_block(image).sum(axis=tuple(range(image.ndim)))
    return image > otsu_of_counts(counts)


def shape_not_declared(image):
    counts = image.map_blocks(
        lambda block: np.bincount(block.ravel(), minlength=256), dtype="int64"
    )
    return image > threshold_from(counts.sum(axis=0), np.arange(257) - 0.5)


def threshold_computed(image):
    return image > otsu_from_histogram(counts_of(image).compute(), np.arange(257) - 0.5)


def first_block_only(image):
    return image > threshold_from(counts_of(image.blocks[(0,) * image.ndim]), np.arange(257) - 0.5)


def mean_of_blocks(image):
    each = [otsu_of(image.blocks[index]) for index in np.ndindex(*image.numblocks)]
    return image > da.stack(each).mean()


def otsu_of(block):
    return threshold_from(counts_of(block), np.arange(257) - 0.5)


def whole_in_one(image):
    whole = image.rechunk(-1).map_blocks(lambda block: block > otsu(block), dtype=bool)
    return whole.rechunk(image.chunks)


# 06.6


def weights_of(times):
    t = times - times.mean()
    return t / (t**2).sum()


def fitted(
    slopes: Callable[[Any, Any], Any],
    *,
    dtype: str = "float32",
    joined: Callable[[Any], Any] = lambda series: series.rechunk({0: -1}),
) -> Callable[..., Any]:
    def fit_slope(series, times):
        def f(values):
            return np.asarray(slopes(values, times)).astype("float32")

        return da.apply_gufunc(f, "(t)->()", joined(series), axes=[(0,), ()], output_dtypes=dtype)

    return fit_slope


def right_slope(values, times):
    return (values * weights_of(times)).sum(axis=-1)


def pixels_joined(series, times):
    return fitted(right_slope, joined=lambda series: series.rechunk(-1))(series, times)


def whole_then_cut(series, times):
    return pixels_joined(series, times).rechunk(series.chunks[1:])


def left_to_dask(series, times):
    def f(values):
        return right_slope(values, times).astype("float32")

    options = {"axes": [(0,), ()], "output_dtypes": "float32", "allow_rechunk": True}
    return da.apply_gufunc(f, "(t)->()", series, **options)


def last_axis_fitted(series, times):
    def f(values):
        return right_slope(values, times).astype("float32")

    return da.apply_gufunc(f, "(t)->()", series.rechunk({0: -1}), output_dtypes="float32")


def mean_of_fits(series, times):
    starts = np.cumsum([0, *series.chunks[0]])
    fits = [
        da.tensordot(weights_of(times[a:b]), series[a:b].astype("float64"), axes=1)
        for a, b in pairwise(starts)
        if b - a > 1
    ]
    return da.stack(fits).mean(axis=0).astype("float32")


def computed_fit(series, times):
    values = np.moveaxis(series.compute(), 0, -1)
    chunks = series.chunks[1:]
    return da.from_array(right_slope(values, times).astype("float32"), chunks=chunks)


# 06.7


def sharpened(
    *,
    depth: Callable[[int, int], int] = lambda size, iterations: 2 * (size // 2) * iterations,
    boundary: Any = "none",
    least: float = 1e-12,
    back: Callable[..., Any] = ndimage.correlate,
    there: Callable[..., Any] = ndimage.convolve,
    start: Callable[[Any], Any] = lambda block: np.ones(block.shape),
    extra: int = 0,
    dtype: str = "float32",
    cut: bool = True,
    turned: bool = False,
    joined: bool = False,
) -> Callable[..., Any]:
    def sharpen(image, psf, iterations):
        def richardson_lucy(block):
            estimate = start(block).astype("float64")
            for _ in range(iterations + extra):
                blurred = np.maximum(there(estimate, psf, mode="reflect"), least)
                estimate = estimate * back(block / blurred, psf, mode="reflect")
            return estimate.astype(dtype)

        sizes = psf.shape[::-1] if turned else psf.shape
        halo = tuple(depth(size, iterations) for size in sizes)
        source = image.rechunk(-1) if joined else image
        sharp = source.map_overlap(richardson_lucy, depth=halo, boundary=boundary, dtype="float32")
        return sharp.rechunk(image.chunks) if cut else sharp

    return sharpen


def sharpened_alone(image, psf, iterations):
    return sharpened(depth=lambda size, iterations: 0)(image, psf, iterations)


PLANTED = [
    Planted("06.1", options((0, 0, 0)), "sees nothing of the next chunk"),
    Planted("06.1", options((0, 4, 3)), "cuts a Gaussian off at 4"),
    Planted("06.1", options((0, 8, 4)), "3 sigma"),
    Planted("06.1", options((0, 5, 8)), "the order is t, y, x"),
    Planted("06.1", options((0, 8, 6)), "SciPy rounds"),
    Planted("06.1", options((0, 16, 10)), "both sides together"),
    Planted("06.1", options(8), "joins chunks of one time, silently"),
    Planted("06.1", options({1: 8, 2: 7}), "a smaller one would do"),
    Planted("06.1", options(boundary="nearest"), "Along x the image goes round"),
    Planted("06.1", options(boundary="none"), "onto itself"),
    Planted("06.1", options(boundary="periodic"), "Only x goes round"),
    Planted("06.1", options(boundary={1: "reflect", 2: "periodic"}), "`nearest` in Dask, too"),
    Planted("06.1", options(boundary=("none", "nearest", "wrap")), "is `periodic` in Dask"),
    Planted("06.1", options(boundary="constant"), "give the number itself"),
    Planted("06.1", options((8, 5)), "for each of the three axes"),
    Planted("06.1", options(boundary=(None, None, "periodic")), "there is the word `none`"),
    Planted("06.1", (0, 8, 5), "expected a dictionary"),
    Planted("06.2", wraps, "Unsigned integers wrap around"),
    Planted("06.2", divisor_wraps, "divisor wrapped around"),
    Planted("06.2", declared_wrong, "but its blocks are float32"),
    Planted("06.2", as_floats(ratio_of, "float64"), "Ask for float32"),
    Planted("06.2", as_floats(lambda f, w, b: (f - b) / (w - b)), "nothing to divide by"),
    Planted(
        "06.2",
        as_floats(lambda f, w, b: (f - b) / da.where(w != b, w - b, np.nan)),
        "also where the difference is below 0",
    ),
    Planted("06.2", as_floats(lambda f, w, b: da.maximum(ratio_of(f, w, b), 0)), "were set to 0"),
    Planted(
        "06.2",
        as_floats(lambda f, w, b: da.where(f > b, ratio_of(f, w, b), np.nan)),
        "a measurement like others",
    ),
    Planted("06.2", as_floats(lambda f, w, b: f / w), "The background is missing"),
    Planted("06.2", as_floats(lambda f, w, b: (f - b) / w), "from the brightfield as well"),
    Planted("06.2", not_a_ratio_yet, "cuts off the decimals"),
    Planted("06.2", whole_ratio, "holds the whole image at once"),
    Planted("06.2", dask.delayed(ratio_of), "`map_blocks` applies a function to every block"),
    Planted(
        "06.2",
        lambda *images: da.map_blocks(lambda f, w, b: (f - b) / (w - b), *images),
        "Unsigned integers wrap around",
    ),
    Planted("06.2", ratio_at_once, "expected a Dask array, which is lazy"),
    Planted("06.2", background_asked_for, "while the graph was built"),
    Planted("06.2", lambda fluorescence, brightfield, background: None, "end with `return"),
    Planted("06.3", lambda series, mask: da.where(mask, series, 0), "mask.rechunk("),
    Planted("06.3", series_cut_as_mask, "mask.rechunk("),
    Planted("06.3", on_mask(lambda series, mask: series * mask), "NaN times 0 is NaN"),
    Planted("06.3", on_mask(lambda series, mask: da.where(mask, 0, series)), "other way round"),
    Planted(
        "06.3",
        on_mask(lambda series, mask: da.where(mask, series, 0.0).astype("float64")),
        "so does the dtype",
    ),
    Planted("06.3", on_mask(lambda series, mask: da.where(mask, series, 1)), "Outside belongs 0"),
    Planted("06.3", on_mask(lambda series, mask: series), "Nothing was masked"),
    Planted("06.3", per_time, "cut in another way"),
    Planted(
        "06.3",
        lambda series, mask: da.map_blocks(np.multiply, series, mask, dtype=series.dtype),
        "mask.rechunk(",
    ),
    Planted("06.3", lambda series, mask: series[:, mask], "the series keeps its shape"),
    Planted("06.3", mask_computed, "while the graph was built"),
    Planted("06.3", mask_changed, "changes its input"),
    Planted(
        "06.3",
        lambda series, mask: series.compute() * mask.compute(),
        "expected a Dask array, which is lazy",
    ),
    Planted(
        "06.4",
        lambda image: image.map_blocks(scaled_alone, dtype="float32"),
        "Each chunk was brought to 0 to 1 by itself",
    ),
    Planted("06.4", lambda image: (image - min(image)) / max(image), "compare row by row"),
    Planted("06.4", limits_computed, "while the graph was built"),
    Planted("06.4", wraps_around, "It wrapped around"),
    Planted("06.4", by_the_dtype, "limits of the dtype"),
    Planted("06.4", formula(lambda x, low, high: x / high), "Subtract the smallest value first"),
    Planted("06.4", formula(lambda x, low, high: (x - low) / high), "not by the largest"),
    Planted("06.4", formula(lambda x, low, high: x - low / (high - low)), "Parentheses"),
    Planted("06.4", formula(lambda x, low, high: (x - low) // (high - low)), "cut off"),
    Planted(
        "06.4",
        lambda image: (
            (image.astype("float64") - image.min().astype("float64"))
            / (image.max().astype("float64") - image.min())
        ),
        "Ask for float32",
    ),
    Planted("06.4", lambda image: formula(scaled_in_one)(image.rechunk(-1)), "cut in another way"),
    Planted(
        "06.4", lambda image: scaled_alone(image.compute()), "expected a Dask array, which is lazy"
    ),
    Planted(
        "06.5",
        lambda image: image.map_blocks(lambda block: block > otsu(block), dtype=bool),
        "a threshold of its own",
    ),
    Planted("06.5", threshold_computed, "while the graph was built"),
    Planted("06.5", lazily(lambda image, limit: image >= limit), "`>`, not `>=`"),
    Planted("06.5", lazily(lambda image, limit: image <= limit), "other way round"),
    Planted("06.5", lazily(lambda image, limit: (image > limit) * 1), "A comparison gives bool"),
    Planted("06.5", lambda image: image > 128, "Otsu"),
    Planted("06.5", first_block_only, "counts of all blocks in the sum"),
    Planted("06.5", mean_of_blocks, "mean of the thresholds"),
    Planted("06.5", shape_not_declared, "Are there 256 counts"),
    Planted("06.5", one_axis_summed, "The threshold is a lazy number"),
    Planted("06.5", axis_not_dropped, "The threshold is a lazy number"),
    Planted("06.5", counts_not_lazy, "while the graph was built"),
    Planted("06.5", whole_in_one, "holds the whole image at once"),
    Planted("06.5", lambda image: otsu(image.compute()), "expected a Dask array, which is lazy"),
    Planted("06.6", pixels_joined, "Along y and x the chunks stay"),
    Planted("06.6", fitted(right_slope, joined=lambda series: series), "series.rechunk({0: -1})"),
    Planted("06.6", last_axis_fitted, "`axes=[(0,), ()]`"),
    Planted("06.6", left_to_dask, "`allow_rechunk=True` leaves it to Dask"),
    Planted("06.6", whole_then_cut, "holds the whole image at once"),
    Planted("06.6", mean_of_fits, "a fit in each chunk of times"),
    Planted("06.6", computed_fit, "while the graph was built"),
    Planted("06.6", fitted(right_slope, dtype="uint16"), "but its blocks are float32"),
    Planted(
        "06.6",
        fitted(lambda values, times: right_slope(values, np.arange(len(times)))),
        "not the number of the image",
    ),
    Planted(
        "06.6",
        fitted(lambda values, times: (values[..., -1] * 1.0 - values[..., 0]) / np.ptp(times)),
        "first and the last image only",
    ),
    Planted(
        "06.6",
        fitted(lambda values, times: (values * (times - times.mean())).sum(axis=-1)),
        "Divide by the sum of the squares",
    ),
    Planted(
        "06.6",
        fitted(
            lambda values, times: np.polyfit(times, values.reshape(-1, len(times)).T, 1)[1].reshape(
                values.shape[:-1]
            )
        ),
        "height of the line at time 0",
    ),
    Planted("06.6", lambda series, times: series.mean(axis=0).astype("float32"), "is the sum of"),
    Planted("06.7", sharpened_alone, "There is no halo at all"),
    Planted("06.7", sharpened(depth=lambda size, n: size // 2), "reach of the PSF"),
    Planted("06.7", sharpened(depth=lambda size, n: 2 * (size // 2)), "that of one iteration"),
    Planted("06.7", sharpened(depth=lambda size, n: size // 2 * n), "not twice"),
    Planted("06.7", sharpened(turned=True), "depths of y and x are swapped"),
    Planted("06.7", sharpened(boundary="reflect"), "boundary='none'"),
    Planted("06.7", sharpened(least=0), "0 divided by 0 is NaN"),
    Planted("06.7", sharpened(back=ndimage.convolve), "its own mirror image"),
    Planted(
        "06.7",
        sharpened(back=ndimage.convolve, there=ndimage.correlate),
        "the wrong way round",
    ),
    Planted("06.7", sharpened(extra=1), "iterations, not of"),
    Planted("06.7", sharpened(start=lambda block: block), "1 everywhere, not the image"),
    Planted("06.7", sharpened(cut=False), ".rechunk(image.chunks)"),
    Planted("06.7", sharpened(dtype="float64"), "but its blocks are float64"),
    Planted("06.7", sharpened(joined=True), "holds the whole image at once"),
]
