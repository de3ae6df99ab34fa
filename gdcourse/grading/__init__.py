"""Grade a folder of hand-ins: ``python -m gdcourse.grading HANDINS OUT``.

nbgrader does the grading; this package finds the hand-ins, runs each in a process and a sandbox of its own, keeps
what was graded, and writes the gradebook, the feedback and the summary. One module for each of these:

- `collect`: which file is whose hand-in for which assignment;
- `assignment`: what the instructors' notebook says, made ready for grading;
- `sandbox`: the command that runs a kernel where it can do no harm;
- `notebook`: one hand-in through nbgrader;
- `server`: the process that starts a fresh one for each hand-in, and ends it when it takes too much;
- `driver`: all hand-ins, side by side, here or on a Dask cluster;
- `report`: gradebook, feedback and summary.

Nothing here is imported by ``import gdcourse``; it needs the extra ``grade``.
"""
