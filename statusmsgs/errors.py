"""The one error of this package."""


class MalformedTable(Exception):  # noqa: N818 - the name is the finding
    """A table of texts breaks the rules of its kind; the message names file, entry and rule."""

    def __init__(self, where: str, rule: str) -> None:
        self.where = where
        self.rule = rule
        super().__init__(f"{where}: {rule}")
