"""Chart library of a page: where a page looks for it, and a copy of it beside pages elsewhere.

A page of the gallery refers to the library by a relative URL, so it is loaded from the server and
from disk. A page in another folder gets a copy of the library beside it.
"""

import shutil
from pathlib import Path

import bytelatent
from bytelatent.files import replacing

LIBRARY = "../static/vendor/plotly-basic.min.js"
STORED = Path(bytelatent.__file__).resolve().parents[1] / "static" / "vendor" / Path(LIBRARY).name


def with_library(html: str, folder: Path) -> tuple[str, Path | None, str | None]:
    """Make the chart library reachable for a page in ``folder``.

    Args:
        html: the page.
        folder: folder that the page is written to.

    Returns:
        The page; the path of a copy of the library that was written for it, or None; and a sentence
        that says what is missing, or None.
    """
    if f'src="{LIBRARY}"' not in html or (folder / LIBRARY).is_file():
        return html, None, None
    copy = folder / STORED.name
    beside = html.replace(f'"{LIBRARY}"', f'"{STORED.name}"')
    if copy.is_file():
        return beside, None, None
    if not STORED.is_file():
        return (
            beside,
            None,
            f"the page has no chart until {STORED.name} stands beside it in {folder}",
        )
    with replacing(copy) as temporary:
        shutil.copyfile(STORED, temporary)
    return beside, copy, None
