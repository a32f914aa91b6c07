"""Options of architectures, checked where a net is made."""

from __future__ import annotations


def check_range(owner: str, **options: tuple[int, int, int]) -> None:
    """Check options given as NAME=(value, least, most). Raises ValueError naming the first outside its range."""
    for name, (value, least, most) in options.items():
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"{owner}: option {name} is {value!r}, expected an integer from {least} to {most}")


def check_divides(owner: str, **options: tuple[int, int]) -> None:
    """Check that the second of each NAME=(divisor, number) is a multiple of the first. Raises ValueError."""
    for name, (divisor, number) in options.items():
        if number % divisor:
            raise ValueError(f"{owner}: option {name} is {divisor}, expected a divisor of {number}")
