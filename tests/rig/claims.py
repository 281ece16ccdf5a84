"""What a test says about itself."""


class Skip(Exception):
    """Raised by a test that cannot run here; the reason is printed."""


def needs(*programs):
    """Marks what a test cannot do without; `switch` is the binary under test."""
    def mark(function):
        function.needs = programs
        return function
    return mark


def time_limit(seconds):
    """Gives a test another time limit than the usual one."""
    def mark(function):
        function.limit_s = seconds
        return function
    return mark
