"""The one exception class that a command line shows to its user as a sentence."""


class UserError(Exception):
    """Something the user can mend: a path, a file, a flag, a full disk.

    The message is one sentence or two: which argument or file, what was expected, what came, what to do.
    Command lines print it without a traceback and exit with code 2.
    """
