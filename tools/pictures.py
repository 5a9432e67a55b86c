"""Compare the pictures in two versions of an output: nbval compares words, not pixels.

Two computers do not draw a figure equally to the pixel, so both pictures are made small first. Where the same
matplotlib drew them, they have to agree closely, and a swapped label is seen. Another matplotlib sets its letters
differently, which at this size looks like other words; then only the large shapes are compared.
"""

import base64
import io
import re
from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image

PICTURE = re.compile(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"')
# Columns and rows of the small pictures, and the grey levels, of 255, by which one of their cells may differ. A label
# that is swapped for one of equal length differs by 40 and more, another drawing of the same letters by up to 14 in
# the coarse size, a curve moved by 2 % of the axis by 39.
CLOSE, COARSE = (128, 64, 16), (32, 16, 25)


def pictures_in(outputs: Iterable[Mapping]) -> list[bytes]:
    """Return the PNG pictures that the HTML of some outputs holds, in order."""
    pages = [output.get("data", {}).get("text/html", "") for output in outputs]
    return [base64.b64decode(found) for page in pages for found in PICTURE.findall(page)]


def differ(stored: bytes, drawn: bytes) -> bool:
    """Tell whether two PNG pictures show something different.

    Parameters
    ----------
    stored, drawn : bytes
        The pictures.

    Returns
    -------
    bool
        True if, made small, they differ more than two drawings of the same figure do.
    """
    if stored == drawn:
        return False
    one, other = (Image.open(io.BytesIO(picture)) for picture in (stored, drawn))
    same_program = one.info.get("Software") == other.info.get("Software")
    columns, rows, tolerance = CLOSE if same_program else COARSE
    small = [
        np.asarray(each.convert("RGB").resize((columns, rows), Image.Resampling.BOX), dtype=float)
        for each in (one, other)
    ]
    shapes = [each.width / each.height for each in (one, other)]
    return abs(shapes[0] / shapes[1] - 1) > 0.03 or np.abs(small[0] - small[1]).max() > tolerance


def first_difference(stored: Iterable[Mapping], drawn: Iterable[Mapping]) -> str:
    """Say which picture of a cell's outputs is another than the stored one; nothing if none is."""
    pairs = zip(pictures_in(stored), pictures_in(drawn), strict=True)
    wrong = [place for place, pair in enumerate(pairs, start=1) if differ(*pair)]
    return f"picture {wrong[0]} of this cell is not the one that is stored" if wrong else ""
