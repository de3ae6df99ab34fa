"""Give the chapters that run in the browser a launch button, if `make lite` has made the site where they do.

The button is a link: nothing of that site is loaded before a click.
"""

from pathlib import Path

# Each was seen to run there to its end. PyTorch does not run in a browser, so its chapters are not among them, nor is
# foundations/gradients-for-free, which counts operations with PyTorch's help in most of its cells.
CHAPTERS = [
    f"book/{name}"
    for name in (
        "foundations/learning-as-optimisation",
        "foundations/loss-functions",
        "foundations/gradients",
        "foundations/random-search",
        "descent/gradient-descent",
        "descent/step-size",
        "descent/linear-regression",
        "descent/batch-stochastic-minibatch",
        "descent/learning-rate-schedules",
        "optimizers/momentum",
        "optimizers/nesterov",
        "optimizers/adagrad",
        "optimizers/rmsprop-adadelta",
        "optimizers/adam",
        "optimizers/adamw-amsgrad-adabound",
    )
]


def look(app, config):
    config.gd_lite = CHAPTERS if (Path(app.outdir) / "lite" / "jupyter-lite.json").exists() else []


def add_button(app, pagename, templatename, context, doctree):
    if pagename not in app.config.gd_lite:
        return
    address = context["pathto"]("lite/notebooks/index.html", resource=True)
    button = {
        "type": "link",
        "text": "This browser",
        "tooltip": "Run in this browser, with nothing to install",
        "icon": "_static/images/logo_jupyterlite.svg",
        "url": f"{address}?path={pagename}.ipynb",
    }
    for group in context["header_buttons"]:
        if group.get("label") == "launch-buttons":
            group["buttons"].insert(0, button)


def setup(app):
    app.add_config_value("gd_lite", [], "html")  # pages are written anew when it changes
    app.connect("config-inited", look)
    app.connect("html-page-context", add_button, priority=510)  # after the theme's own buttons, at 501
    return {"parallel_read_safe": True, "parallel_write_safe": True}
