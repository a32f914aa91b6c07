"""Options of architectures, checked where a net is made."""

from __future__ import annotations

from collections.abc import Sequence


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


def check_places(owner: str, places: Sequence[int], names: Sequence[str], inputs: int) -> None:
    """Check where the named columns are among the inputs. Raises ValueError."""
    if len(places) != len(names) or not all(0 <= place < inputs for place in places):
        raise ValueError(
            f"{owner}: option places is {list(places)}, expected {len(names)} numbers below {inputs}: where among the "
            f"inputs the columns {list(names)} are"
        )
