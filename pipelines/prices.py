"""What a provider of machines and of storage takes, and what a dataset costs."""

import dataclasses
import math

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import option, options_of

EXAMPLES = {
    "price_per_vcpu_hour": 0.05,
    "price_per_shuffled_gb": 0.01,
    "price_per_1000_requests": 0.005,
    "price_per_gb_month": 0.02,
}


@dataclasses.dataclass(frozen=True)
class Prices:
    """Prices in any currency; None for what is left out.

    Attributes:
      price_per_vcpu_hour: Of one core for an hour.
      price_per_shuffled_gb: Of 10^9 bytes that an engine shuffles, or stores between two steps.
      price_per_1000_requests: Of a thousand requests to a store that write or list.
      price_per_gb_month: Of 10^9 bytes in a store for a month.

    Raises:
      InputError: A price is not a number, or below zero.
    """

    price_per_vcpu_hour: float | None = option("the price of one core per hour, in any currency", default=None)
    price_per_shuffled_gb: float | None = option(
        "the price of 10^9 bytes that an engine shuffles, or stores between two steps", default=None
    )
    price_per_1000_requests: float | None = option(
        "the price of 1,000 requests to an object store that write or list", default=None
    )
    price_per_gb_month: float | None = option("the price of 10^9 bytes in a store per month", default=None)

    def __post_init__(self) -> None:
        for name in options_of(type(self)):
            price = getattr(self, name)
            if price is not None and not 0 <= price < math.inf:
                flag = name.replace("_", "-")
                raise InputError(f"--{flag} is {price}; give a price such as {EXAMPLES[name]}")


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a dataset costs, as far as the prices are known.

    >>> print(Cost({"core hours": (250.0, 12.5), "thousand requests": (4200.0, 21.0)}, 1900.0))
    about 33.5 to make: 12.5 for 250 core hours, 21 for 4,200 thousand requests; about 1,900 per month to keep

    Attributes:
      making: For what, how much of it, and what that costs.
      per_month: What keeping it costs.
    """

    making: dict[str, tuple[float, float]]
    per_month: float | None = None

    def __bool__(self) -> bool:
        return bool(self.making) or self.per_month is not None

    def __str__(self) -> str:
        words = []
        if self.making:
            parts = [f"{_digits(cost)} for {_digits(amount)} {what}" for what, (amount, cost) in self.making.items()]
            total = sum(cost for _, cost in self.making.values())
            words.append(f"about {_digits(total)} to make: {', '.join(parts)}")
        if self.per_month is not None:
            words.append(f"about {_digits(self.per_month)} per month to keep")
        return "; ".join(words)


def _digits(number: float) -> str:
    """A number with three digits or more.

    >>> [_digits(number) for number in (0.000123456, 33.5, 14951.2)]
    ['0.000123', '33.5', '14,951']
    """
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"
