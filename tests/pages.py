"""Pages as tests read them."""

from html.parser import HTMLParser


class Reader(HTMLParser):
    """Collects what a page shows and what it loads, and checks that its tags close in order."""

    VOID = frozenset({"img", "input", "meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.images, self.loads, self.open = "", [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "img":
            self.images.append(given)
        self.loads += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += " " + data
