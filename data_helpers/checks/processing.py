"""The tasks of chapter 05."""

from data_helpers.checks.marking import Task

__all__ = ["TASKS"]

TASKS = (
    Task("05.1", "Find the halo of three filters", "depths.mark_depth", "three numbers"),
    Task("05.2", "Correct without wrapping", "corrections.mark_correct"),
    Task("05.3", "List the jobs", "job_lists.mark_make_jobs"),
    Task("05.4", "Make an image larger", "enlarging.mark_enlarge"),
    Task("05.5", "One threshold for the whole image", "thresholds.mark_find_threshold"),
    Task("05.6", "Any filter, any chunks", "halos.mark_map_with_halo"),
    Task("05.7", "Stretch: read each chunk once", "rolling.mark_filter_once"),
)
