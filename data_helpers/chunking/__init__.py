"""Choosing chunks: what a view costs, how large chunks should be, and changing them.

`geometry` predicts costs from shapes alone, `suggest` turns a way of reading into a chunk shape,
`counting` counts what a store is really asked for, `plan` and `rechunk` give an array new chunks.
"""

from data_helpers.chunking.counting import CountingStore, StoreRequest
from data_helpers.chunking.geometry import (
    ReadCost,
    chunks_touched,
    halo_overhead,
    read_amplification,
    read_cost,
)
from data_helpers.chunking.plan import RechunkPlan, Stage, plan_rechunk
from data_helpers.chunking.rechunk import rechunk_zarr
from data_helpers.chunking.suggest import suggest_chunks

__all__ = [
    "CountingStore",
    "ReadCost",
    "RechunkPlan",
    "Stage",
    "StoreRequest",
    "chunks_touched",
    "halo_overhead",
    "plan_rechunk",
    "read_amplification",
    "read_cost",
    "rechunk_zarr",
    "suggest_chunks",
]
