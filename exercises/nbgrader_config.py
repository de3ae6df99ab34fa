"""nbgrader's settings for the course. Where a setting is not here, nbgrader's own default is meant."""

c = get_config()  # noqa: F821 (nbgrader provides it)

# The unanswered part of a release says so in words: a check that meets it adds the name of the function.
c.ClearSolutions.code_stub = {
    "python": '# YOUR CODE HERE\nraise NotImplementedError("write your code in place of these two lines")'
}

# A student may delete a check, by accident or not. Without this, the question would wait for manual grading.
c.OverwriteCells.add_missing_cells = True

# Seconds for one cell. The default, 30, can be too short for the first `import torch` on a cold and busy machine.
c.Execute.timeout = 60
