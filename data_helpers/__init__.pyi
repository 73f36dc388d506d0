# The public names, and where they live. Read by `__init__.py` at import and by type checkers.
__version__: str

# checks
from .checks import Progress as Progress
from .checks import Verdict as Verdict
from .checks import check as check
from .checks import progress as progress

# chunking
from .chunking import CountingStore as CountingStore
from .chunking import ReadCost as ReadCost
from .chunking import RechunkPlan as RechunkPlan
from .chunking import Stage as Stage
from .chunking import StoreRequest as StoreRequest
from .chunking import chunks_touched as chunks_touched
from .chunking import halo_overhead as halo_overhead
from .chunking import plan_rechunk as plan_rechunk
from .chunking import read_amplification as read_amplification
from .chunking import read_cost as read_cost
from .chunking import rechunk_zarr as rechunk_zarr
from .chunking import suggest_chunks as suggest_chunks

# components
from .components import keep_lazily as keep_lazily
from .components import label_lazily as label_lazily

# dask_operations
from .dask_operations import apply_mask as apply_mask
from .dask_operations import background_ratio as background_ratio
from .dask_operations import edge_map as edge_map
from .dask_operations import gaussian_filter as gaussian_filter
from .dask_operations import global_percentiles as global_percentiles
from .dask_operations import normalize_intensity as normalize_intensity
from .dask_operations import otsu_threshold as otsu_threshold
from .dask_operations import richardson_lucy as richardson_lucy
from .dask_operations import richardson_lucy_depth as richardson_lucy_depth
from .dask_operations import segment as segment

# grid
from .grid import aligned as aligned
from .grid import chunk_borders as chunk_borders
from .grid import chunk_slices as chunk_slices
from .grid import expand as expand
from .grid import grid_shape as grid_shape
from .grid import index_bounds as index_bounds
from .grid import index_shape as index_shape

# jobs
from .jobs import ChunkError as ChunkError
from .jobs import Difference as Difference
from .jobs import Report as Report
from .jobs import all_chunk_indices as all_chunk_indices
from .jobs import apply_to_chunk as apply_to_chunk
from .jobs import assert_chunk_invariant as assert_chunk_invariant
from .jobs import check_same_shape as check_same_shape
from .jobs import chunkwise_jobs as chunkwise_jobs
from .jobs import create_like as create_like
from .jobs import dask_boundary as dask_boundary
from .jobs import describe_difference as describe_difference
from .jobs import output_jobs as output_jobs
from .jobs import pad_halo as pad_halo
from .jobs import pad_mode as pad_mode
from .jobs import run_in_chunks as run_in_chunks
from .jobs import run_jobs as run_jobs
from .jobs import unit_of_work as unit_of_work
from .jobs import verify as verify

# objects
from .objects import depth_needed as depth_needed
from .objects import fill_holes as fill_holes
from .objects import label as label
from .objects import label_zarr as label_zarr
from .objects import match_objects as match_objects
from .objects import measure as measure
from .objects import overlaps as overlaps
from .objects import remove_small_objects as remove_small_objects
from .objects import renumber as renumber
from .objects import split_touching as split_touching

# ome_zarr
from .ome_zarr import Channel as Channel
from .ome_zarr import ImageFinding as ImageFinding
from .ome_zarr import IncompleteImageError as IncompleteImageError
from .ome_zarr import Multiscale as Multiscale
from .ome_zarr import image_attributes as image_attributes
from .ome_zarr import image_spec as image_spec
from .ome_zarr import level_factors as level_factors
from .ome_zarr import level_scale as level_scale
from .ome_zarr import level_shapes as level_shapes
from .ome_zarr import level_translation as level_translation
from .ome_zarr import open_multiscale as open_multiscale
from .ome_zarr import reduce_region as reduce_region
from .ome_zarr import remove_incomplete as remove_incomplete
from .ome_zarr import validate as validate
from .ome_zarr import window_mean as window_mean
from .ome_zarr import window_mode as window_mode
from .ome_zarr import window_nearest as window_nearest
from .ome_zarr import write_labels as write_labels
from .ome_zarr import write_multiscale as write_multiscale

# samples and phantoms
from .phantoms import make_tiles as make_tiles
from .phantoms import phantom_heart as phantom_heart
from .phantoms import phantom_raster as phantom_raster

# plotting
from .plotting import plot_bars as plot_bars
from .plotting import plot_chunks as plot_chunks
from .plotting import plot_files as plot_files
from .plotting import plot_pyramid as plot_pyramid
from .plotting import plot_seams as plot_seams
from .plotting import plot_slice as plot_slice
from .plotting import use_style as use_style

# processing
from .processing import chunkwise_histogram as chunkwise_histogram
from .processing import convolve as convolve
from .processing import downsample as downsample
from .processing import gaussian as gaussian
from .processing import gaussian_depth as gaussian_depth
from .processing import kernel_depth as kernel_depth
from .processing import map_with_halo as map_with_halo
from .processing import otsu_from_histogram as otsu_from_histogram
from .processing import read_with_halo as read_with_halo
from .processing import upsample as upsample
from .samples import CorruptCacheError as CorruptCacheError
from .samples import FetchError as FetchError
from .samples import SampleInfo as SampleInfo
from .samples import SyntheticDataWarning as SyntheticDataWarning
from .samples import dem_geotiff as dem_geotiff
from .samples import fetch_all as fetch_all
from .samples import fetch_dem as fetch_dem
from .samples import fetch_heart as fetch_heart
from .samples import fetch_labels as fetch_labels
from .samples import fetch_nuclei as fetch_nuclei
from .samples import fetch_timelapse as fetch_timelapse
from .samples import load_dem as load_dem
from .samples import load_heart_data as load_heart_data
from .samples import load_nuclei_data as load_nuclei_data
from .samples import load_nuclei_labels as load_nuclei_labels
from .samples import load_timelapse_data as load_timelapse_data
from .samples import sample_info as sample_info

# stitching
from .stitching import Link as Link
from .stitching import Offsets as Offsets
from .stitching import TiffTile as TiffTile
from .stitching import TileError as TileError
from .stitching import TileIndex as TileIndex
from .stitching import TileView as TileView
from .stitching import estimate_offsets as estimate_offsets
from .stitching import fuse as fuse
from .stitching import index_tiles as index_tiles
from .stitching import lazy_stitch as lazy_stitch
from .stitching import open_tiff as open_tiff
from .stitching import parse_tile_name as parse_tile_name
from .stitching import stitched_view as stitched_view
from .stitching import tiles_to_zarr as tiles_to_zarr

# storage
from .storage import ObjectServer as ObjectServer
from .storage import Request as Request
from .storage import TiffPage as TiffPage
from .storage import compare_codecs as compare_codecs
from .storage import directory_tree as directory_tree
from .storage import get_directory_contents as get_directory_contents
from .storage import read_tiff_region as read_tiff_region
from .storage import stored_bytes as stored_bytes
from .storage import tiff_pages as tiff_pages
