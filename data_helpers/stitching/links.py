"""How far one tile is from its neighbour, seen in what both have imaged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from skimage.registration import phase_cross_correlation

__all__ = ["Link", "measure_link", "overlap_of"]

_CANDIDATES = 8  # peaks of the phase correlation that are looked at
_UPSAMPLING = 50  # the fine estimate has steps of 1/50 pixel


@dataclass(frozen=True)
class Link:
    """What the overlap of two tiles says about where they lie.

    Attributes
    ----------
    first, second : int
        Numbers of the two tiles.
    nominal : tuple of float
        Position of the second minus position of the first, in pixels, as given.
    measured : tuple of float
        The same as found in the images; not to be trusted where `reason` says why not.
    quality : float
        Correlation of the two overlaps where they fit best: 1 is perfect, 0 is nothing in common.
    reason : str
        Why the link is not used; empty if it is.
    residual : float
        Distance in pixels between `measured` and where the tiles lie in the end; NaN if not used.
    """

    first: int
    second: int
    nominal: tuple[float, ...]
    measured: tuple[float, ...]
    quality: float
    reason: str = ""
    residual: float = float("nan")

    @property
    def used(self) -> bool:
        """Whether the link takes part in placing the tiles."""
        return not self.reason


def overlap_of(
    shift: Sequence[int], first: Sequence[int], second: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Find what two boxes share.

    Parameters
    ----------
    shift
        Position of the second box minus position of the first, in pixels.
    first, second
        Their shapes.

    Returns
    -------
    (tuple of slice, tuple of slice)
        The shared region, in the first box and in the second. Empty where they do not meet.

    Examples
    --------
    >>> overlap_of((6,), (8,), (8,))
    ((slice(6, 8, None),), (slice(0, 2, None),))
    """
    starts = [max(0, move) for move in shift]
    stops = [min(a, move + b) for move, a, b in zip(shift, first, second, strict=True)]
    pairs = [(start, max(start, stop)) for start, stop in zip(starts, stops, strict=True)]
    return (
        tuple(slice(start, stop) for start, stop in pairs),
        tuple(slice(a - move, b - move) for (a, b), move in zip(pairs, shift, strict=True)),
    )


def measure_link(
    first: NDArray[Any], second: NDArray[Any], *, min_quality: float
) -> tuple[NDArray[np.float64], float, str]:
    """Find by how much the second of two overlaps must be moved to fit the first.

    Phase correlation [1]_ proposes shifts; each is judged by the normalised correlation of what
    then lies on one another, as Preibisch et al. do [2]_. The best one is refined to a fraction of
    a pixel by an upsampled Fourier transform [3]_.

    Parameters
    ----------
    first, second
        The nominal overlap, from both tiles. Same shape.
    min_quality
        Least correlation to be trusted.

    Returns
    -------
    shift : ndarray
        In pixels, at most half of the overlap along each axis.
    quality : float
        Correlation at the best whole-pixel shift.
    reason : str
        Why the shift cannot be trusted; empty if it can.

    References
    ----------
    .. [1] Kuglin and Hines (1975), The phase correlation image alignment method.
    .. [2] Preibisch, Saalfeld and Tomancak (2009), doi:10.1093/bioinformatics/btp184.
    .. [3] Guizar-Sicairos, Thurman and Fienup (2008), doi:10.1364/OL.33.000156.

    Examples
    --------
    >>> image = np.random.default_rng(0).normal(size=(40, 50))
    >>> shift, quality, reason = measure_link(image[3:33, :40], image[:30, 2:42], min_quality=0.3)
    >>> shift.round(1).tolist(), round(quality, 2), reason
    ([-3.0, 2.0], 1.0, '')
    """
    smooth = max(2.0, min(first.shape) / 6)
    a, b = _texture(first, smooth), _texture(second, smooth)
    if min(a.std(), b.std()) == 0:
        return np.zeros(a.ndim), 0.0, "no texture: a tile is flat in the overlap"
    shift, quality = _best_shift(a, b)
    # Noise alone correlates by about one over the root of the number of pixels.
    least = max(min_quality, 5 / np.sqrt(a.size))
    if quality < least:
        reason = f"no common texture: correlation {quality:.2f}, expected at least {least:.2f}"
        return np.asarray(shift, np.float64), quality, reason
    for axis in range(a.ndim):
        if _slides_along(axis, a, b, shift, quality, round(1.5 * smooth)):
            reason = f"no texture along axis {axis}: moving along it changes nothing"
            return np.asarray(shift, np.float64), quality, reason
    return _fine_shift(a, b, shift) + np.asarray(shift, np.float64), quality, ""


def _texture(image: NDArray[Any], smooth: float) -> NDArray[np.float64]:
    """Take away what varies slowly, which is illumination as often as it is the object."""
    values = np.asarray(image, np.float64)
    fine: NDArray[np.float64] = values - ndimage.gaussian_filter(values, smooth, mode="nearest")
    fine[np.abs(fine) < 1e-9 * (np.abs(values).max() + 1e-300)] = 0  # rounding is no texture
    return fine


def _best_shift(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[tuple[int, ...], float]:
    """Whole-pixel shift with the best correlation, of those that phase correlation proposes."""
    window = _window(a.shape)
    spectrum = fft.rfftn(a * window) * np.conj(fft.rfftn(b * window))
    spectrum /= np.maximum(np.abs(spectrum), 1e-12 * np.abs(spectrum).max() + 1e-300)
    peaks = fft.irfftn(spectrum, a.shape)
    candidates = {(0,) * a.ndim}
    for _ in range(_CANDIDATES):
        at = np.unravel_index(int(np.argmax(peaks)), peaks.shape)
        # A shift by k and one by k - n look alike; only the shorter one leaves half of the overlap.
        candidates.add(
            tuple(int(k if k <= n // 2 else k - n) for k, n in zip(at, a.shape, strict=True))
        )
        peaks[at] = -np.inf
    scored = [(_correlation(a, b, shift), shift) for shift in sorted(candidates)]
    quality, shift = max(scored)
    return shift, quality


def _window(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Fade towards the edges, whose jumps would otherwise be a shift of zero."""
    window = np.ones(shape)
    for axis, length in enumerate(shape):
        fade = np.sqrt(np.hanning(length + 2)[1:-1])
        window *= fade.reshape([-1 if at == axis else 1 for at in range(len(shape))])
    return window


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64], shift: tuple[int, ...]) -> float:
    """Normalised correlation of what lies on one another after moving b."""
    in_a, in_b = overlap_of(shift, a.shape, b.shape)
    x, y = a[in_a], b[in_b]
    if x.size < 2:
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt(np.vdot(x, x) * np.vdot(y, y)))
    return float(np.vdot(x, y)) / norm if norm > 0 else 0.0


def _slides_along(
    axis: int,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    shift: tuple[int, ...],
    quality: float,
    distance: int,
) -> bool:
    """Whether moving along an axis leaves the tiles fitting, as on stripes."""
    step = min(distance, max(1, a.shape[axis] // 4))
    moved = [
        tuple(move + way * step * (at == axis) for at, move in enumerate(shift)) for way in (-1, 1)
    ]
    return all(_correlation(a, b, to) > 0.8 * quality for to in moved)


def _fine_shift(
    a: NDArray[np.float64], b: NDArray[np.float64], shift: tuple[int, ...]
) -> NDArray[np.float64]:
    """Find what is left of the shift, below one pixel."""
    in_a, in_b = overlap_of(shift, a.shape, b.shape)
    window = _window(a[in_a].shape) ** 2
    rest, *_ = phase_cross_correlation(  # type: ignore[no-untyped-call]
        a[in_a] * window, b[in_b] * window, upsample_factor=_UPSAMPLING, normalization=None
    )
    refined: NDArray[np.float64] = np.clip(np.asarray(rest, np.float64), -1, 1)
    return refined
