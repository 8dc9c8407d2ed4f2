"""What may come of a call instead of a result: refused for good, or left to the function itself."""


class NotReplayable(TypeError):
    """Something in a jitted function that a replay could not repeat."""


class Differs(Exception):
    """Something is not what it was while recording: the function itself is to be run.

    The text says why, where that may last: then the user is told.
    """


class LiesElsewhere(Differs):
    """Arrays outside lie in memory otherwise than when they were recorded: a program of now is needed."""
