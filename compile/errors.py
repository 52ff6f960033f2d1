"""The one exception that reaches a person."""


class UserError(Exception):
    """A problem the person can act on; its text is one sentence that names the thing, what it had, what it needed
    and what to do. The command prints it and exits with 1; anything else is a bug and keeps its traceback."""
