"""Why a command cannot begin."""


class StartError(Exception):
    """A sentence that names the cure; `code` is for scripts."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
