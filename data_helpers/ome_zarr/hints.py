"""Rendering hints: how a viewer should show the channels of an image at first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Channel", "check_channels", "omero"]


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How to show one channel.

    Attributes
    ----------
    label : str
        Name of the channel.
    colour : str
        Six hexadecimal digits, red, green and blue: "00FF00" is green.
    limits : tuple of float
        Intensities shown as black and as the full colour.
    """

    label: str
    limits: tuple[float, float]
    colour: str = "FFFFFF"


def check_channels(
    channels: Sequence[Channel], axes: Sequence[str], shape: Sequence[int]
) -> tuple[Channel, ...]:
    """Check rendering hints against the image.

    Parameters
    ----------
    channels
        One per channel of the image, or none at all.
    axes, shape
        Of the image.

    Returns
    -------
    tuple of Channel
        The same.

    Raises
    ------
    ValueError
        If there are not as many as the image has channels, a colour is not one, or limits are not
        in order.
    """
    expected = shape[list(axes).index("c")] if "c" in axes else 1
    if channels and len(channels) != expected:
        raise ValueError(
            f"got hints for {len(channels)} channels, but the image has {expected}; expected one "
            "per channel, or none"
        )
    for channel in channels:
        if not re.fullmatch(r"[0-9A-Fa-f]{6}", channel.colour):
            raise ValueError(
                f"channel {channel.label!r} has colour {channel.colour!r}; expected six "
                "hexadecimal digits, such as '00FF00' for green"
            )
        if not channel.limits[0] < channel.limits[1]:
            raise ValueError(
                f"channel {channel.label!r} has limits {channel.limits}; expected a lower and a "
                "higher intensity"
            )
    return tuple(channels)


def omero(channels: Sequence[Channel], dtype: Any) -> dict[str, Any]:
    """Write hints as the "omero" metadata of the specification.

    Parameters
    ----------
    channels
        One per channel.
    dtype
        Of the image; its range is what a slider can reach, for floats the limits are.

    Returns
    -------
    dict
        Ready for JSON.

    Examples
    --------
    >>> hints = omero([Channel(label="nuclei", colour="00FF00", limits=(10, 900))], np.dtype("u2"))
    >>> hints["channels"][0]["window"]
    {'start': 10, 'end': 900, 'min': 0, 'max': 65535}
    """
    listed = []
    for channel in channels:
        low, high = channel.limits
        info = np.iinfo(dtype) if dtype.kind in "ui" else None
        window = {
            "start": low,
            "end": high,
            "min": low if info is None else int(info.min),
            "max": high if info is None else int(info.max),
        }
        listed.append(
            {"label": channel.label, "color": channel.colour, "active": True, "window": window}
        )
    return {"channels": listed}
