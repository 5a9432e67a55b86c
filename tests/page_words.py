"""What is true of every page that the course writes."""

from html.parser import HTMLParser

# What holds other elements, and no words of its own.
HOLDERS = {"article", "body", "dl", "figure", "main", "ol", "section", "table", "tbody", "thead", "tr", "ul"}
HOLDERS |= {"details", "div", "fieldset", "form"}
EMPTY = {"br", "img", "input", "meta"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = ["the page"]
        self.stray: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open[-1] in {*HOLDERS, "the page"} and data.strip():
            self.stray.append(f"{self.open[-1]}: {data.strip()}")


def stray_words(html: str) -> list[str]:
    """Return the words that stand between the parts of a page, where nothing is to be read."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.stray
