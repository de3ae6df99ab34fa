"""Make nbval run and compare our notebooks as Jupyter would, Ctrl-C reach the tests about it, and no test be timed."""

import signal

import hypothesis
import pytest

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# In the background of a script Ctrl-C is switched off, for the tests and for all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    cells = [item for item in items if type(item).__name__ == "IPyNbCell"]
    if not cells:
        return
    from nbval.kernel import RunningKernel

    # Our notebooks are committed without execution counts, and nbval takes a cell without one for a cell that was
    # never run. That it was run, `tools/notebooks.py check` proves.
    for cell in cells:
        cell.cell.execution_count = 1

    # A `;` at the end of a cell hides its value only in a kernel that keeps a history, and nbval's keeps none.
    def execute_cell_input(self, cell_input, allow_stdin=None):
        return self.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)

    RunningKernel.execute_cell_input = execute_cell_input
