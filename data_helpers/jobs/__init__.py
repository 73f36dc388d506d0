"""The engine room: work on big arrays as a list of jobs, one per shard or chunk of the output.

- `arrays`: the unit of work of an array, and outputs that show when something was lost.
- `job`: a job, and lists of jobs. `guards` and `errors`: what a job refuses, and how it fails.
- `run`: running a list. `manifest` and `identity`: continuing a run that was stopped.
- `verification` and `stored`: looking for what was lost.
- `oracle`: is a function right when it only sees one chunk at a time? `difference` and `clues`:
  how it goes wrong.
- `edges`: what lies outside an array. `codecs`: the one place where codecs are chosen. `inline`:
  reading and writing on the thread of the job.
"""

from data_helpers.jobs.arrays import (
    ReadableArray,
    WritableArray,
    all_chunk_indices,
    check_same_shape,
    create_like,
    unit_of_work,
)
from data_helpers.jobs.codecs import fast_to_read
from data_helpers.jobs.difference import Difference, describe_difference
from data_helpers.jobs.edges import EdgeMode, dask_boundary, pad_halo, pad_mode
from data_helpers.jobs.errors import ChunkError
from data_helpers.jobs.inline import inline
from data_helpers.jobs.job import Job, apply_to_chunk, chunkwise_jobs, output_jobs
from data_helpers.jobs.oracle import assert_chunk_invariant, run_in_chunks
from data_helpers.jobs.run import run_jobs
from data_helpers.jobs.verification import Finding, Report, verify

__all__ = [
    "ChunkError",
    "Difference",
    "EdgeMode",
    "Finding",
    "Job",
    "ReadableArray",
    "Report",
    "WritableArray",
    "all_chunk_indices",
    "apply_to_chunk",
    "assert_chunk_invariant",
    "check_same_shape",
    "chunkwise_jobs",
    "create_like",
    "dask_boundary",
    "describe_difference",
    "fast_to_read",
    "inline",
    "output_jobs",
    "pad_halo",
    "pad_mode",
    "run_in_chunks",
    "run_jobs",
    "unit_of_work",
    "verify",
]
