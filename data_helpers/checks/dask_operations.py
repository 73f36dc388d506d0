"""The tasks of chapter 06."""

from data_helpers.checks.marking import Task

__all__ = ["TASKS"]

TASKS = (
    Task("06.1", "Match depth and boundary", "overlap_options.mark_options", "a dictionary"),
    Task("06.2", "Divide without wrapping", "ratios.mark_background_ratio"),
    Task("06.3", "One mask for all times", "masks.mark_apply_mask"),
    Task("06.4", "One scale for the whole image", "scales.mark_normalize"),
    Task("06.5", "Counts first, then a map", "lazy_thresholds.mark_foreground"),
    Task("06.6", "Fit a line at every pixel", "lines.mark_fit_slope"),
    Task("06.7", "Stretch: sharpen with a halo", "sharpening.mark_sharpen"),
)
