"""Photograph every page of the built book on a laptop and on a phone, light and dark: `make contact-sheet`.

`_build/contact-sheet/index.html` has a row for each page, and each picture there leads to the whole page at its size.
The same pictures stand on some big sheets, `laptop-light-01.png` and so on, to look through one after the other: a
long page is cut into strips, side by side.
"""

import argparse
import io
import shutil
import sys
from collections.abc import Iterator

from check_book import HTML, ROOT, toc_pages
from PIL import Image, ImageDraw
from tqdm import tqdm

sys.path.append(str(ROOT / "tests"))

from browser import chromium, serve, show_all

OUT = ROOT / "_build" / "contact-sheet"
# Name: width of the window in pixels, and what of it is left on a sheet.
SCREENS = {"laptop": (1280, 0.25), "phone": (360, 0.5)}
THEMES = ("light", "dark")
SHEET = (2560, 1600)  # pixels
LABEL = 16  # pixels above a strip, for the name of the page
READY = "() => document.fonts.ready"


def photographs(browser, address: str, page_name: str) -> Iterator[tuple[str, str, Image.Image]]:
    """Yield the screen, the theme and the picture, for each way to see a page."""
    for screen, (width, _) in SCREENS.items():
        # Without motion, so that what moves is photographed at its end.
        page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
        page.set_default_timeout(120_000)
        page.goto(f"{address}/{page_name}.html", wait_until="networkidle")
        show_all(page)
        page.evaluate(READY)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
            picture = page.screenshot(full_page=True, animations="disabled", type="jpeg", quality=80)
            yield screen, theme, Image.open(io.BytesIO(picture)).convert("RGB")
        page.close()


def strips(picture: Image.Image, scale: float) -> Iterator[Image.Image]:
    """Make a picture smaller, and cut it into strips as high as a sheet."""
    width, height = round(picture.width * scale), max(1, round(picture.height * scale))
    small, step = picture.resize((width, height), Image.Resampling.LANCZOS), SHEET[1] - LABEL
    for top in range(0, height, step):
        yield small.crop((0, top, width, min(top + step, height)))


class Sheets:
    """The sheets of one screen and theme: strips are laid side by side, and a full sheet is saved."""

    def __init__(self, name: str) -> None:
        self.name, self.count, self.sheet = name, 0, None

    def add(self, strip: Image.Image, label: str) -> None:
        if self.sheet is None or self.x + strip.width > SHEET[0]:
            self.save()
            self.sheet, self.x = Image.new("RGB", SHEET, "#888"), 0
        ImageDraw.Draw(self.sheet).text((self.x + 2, 2), label[-(strip.width // 6) :], fill="black")
        self.sheet.paste(strip, (self.x, LABEL))
        self.x += strip.width + 6

    def save(self) -> None:
        if self.sheet:
            self.count += 1
            self.sheet.save(OUT / f"{self.name}-{self.count:02}.png")


def table(rows: dict[str, list[str]]) -> str:
    """Return the page of the small pictures."""
    heads = "".join(f"<th>{screen}, {theme}</th>" for screen in SCREENS for theme in THEMES)
    cell = '<td><a href="{0}.jpg"><img src="{0}-small.jpg" alt="{0}" loading="lazy"></a></td>'
    body = "".join(f"<tr><th>{name}</th>{''.join(map(cell.format, shots))}</tr>" for name, shots in rows.items())
    return (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Contact sheet</title>'
        "<style>body { font: 16px sans-serif } th, td { padding: 4px 8px; text-align: left; vertical-align: top }"
        "thead th { background: white; position: sticky; top: 0 } img { border: 1px solid gray; max-height: 600px;"
        "object-fit: cover; object-position: top }</style>"
        f"<table><thead><tr><th></th>{heads}</tr></thead>{body}</table>"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="pages such as book/optimizers/adam; all, if none is named")
    names = parser.parse_args().pages or [*toc_pages(ROOT), "search", "genindex"]
    if missing := [name for name in names if not (HTML / f"{name}.html").exists()]:
        print(f"Not built: {', '.join(missing)}. Run `make book` first.", file=sys.stderr)
        return 1
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    sheets = {(screen, theme): Sheets(f"{screen}-{theme}") for screen in SCREENS for theme in THEMES}
    rows: dict[str, list[str]] = {}
    with chromium() as browser, serve(HTML) as address:
        for name in tqdm(names, unit="page"):
            for screen, theme, picture in photographs(browser, address, name):
                shot = f"{name.replace('/', '-')}-{screen}-{theme}"
                rows.setdefault(name, []).append(shot)
                picture.save(OUT / f"{shot}.jpg", quality=80)
                for number, strip in enumerate(strips(picture, SCREENS[screen][1])):
                    if number == 0:
                        strip.save(OUT / f"{shot}-small.jpg", quality=80)
                    sheets[screen, theme].add(strip, name)
    for sheet in sheets.values():
        sheet.save()
    (OUT / "index.html").write_text(table(rows), encoding="utf-8")
    print(f"{len(rows)} pages on {sum(sheet.count for sheet in sheets.values())} sheets: {OUT / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
