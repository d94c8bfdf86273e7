"""The slices of each task's suite: kinds of hard questions, each with the reason why it is hard.

A suite is a challenge set, and a slice is one named subset of it. ``Operation.suite`` contains the slices of a task,
and ``suites`` draws their questions. This module contains, in this order: the functions that draw the operands of one
question; the tables of slices that are the same at every D, such as ``PQ``; the functions from D to slices, such as
``addition``.

To add a slice, add an entry to a table, or to the result of one of these functions. The questions of a version never
change: the entry's ``since`` is the next version of the suites, and ``suites.VERSION`` is raised to it. Its rule is an
entry in ``PROMISES`` of ``tests/arithmetic/test_suites.py``, which tests its questions.

>>> slices = {slice.name: slice for slice in addition(3)}
>>> list(slices)[:4]
['random', 'full', 'lengths-1-1', 'lengths-1-2']
>>> from seq2seq_arith.arithmetic.suites import pairs
>>> pairs("addition", 3, slices["carry-all"], count=3)
[(879, 123), (399, 603), (515, 485)]
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

from seq2seq_arith.arithmetic import letters
from seq2seq_arith.arithmetic.suites import Pair, Slice, Words

EDGE = 100  # how many of the shortest, and of the longest, sums of dashes count as the edge
DIGITS = "0123456789"

Text = Callable[[Words, int], str]  # (words, length) to an operand of that length
Condition = Callable[[int, int, int], bool]  # of two residues and their modulus


def ladder(size: int) -> list[int]:
    """The lengths that have slices: all of them for D up to 18, otherwise 1 to 9 and nine more up to D.

    >>> ladder(3), ladder(100)[7:]
    ([1, 2, 3], [8, 9, 11, 22, 33, 44, 55, 66, 77, 88, 100])
    """
    if size <= 18:
        return list(range(1, size + 1))
    return sorted({*range(1, 10), *(size * step // 9 for step in range(1, 10))})


def _number(words: Words, size: int) -> int:
    """A number whose length is uniform in 1..D, and whose first digit is not 0 unless it is alone."""
    return _of_length(words, words.between(1, size))


def _of_length(words: Words, length: int) -> int:
    return words.between(0 if length == 1 else 10 ** (length - 1), 10**length - 1)


def _of_lengths(words: Words, size: int, m: int, n: int) -> Pair:
    return _of_length(words, m), _of_length(words, n)


def _twice(number: int) -> Pair:
    return number, number


def _apart(words: Words, size: int, distance: Callable[[], int]) -> Pair:
    """A number, and another one at this distance from it."""
    x = _number(words, size)
    return words.swapped(x, _moved(words, x, distance(), size))


def _almost_round(words: Words, size: int) -> Pair:
    nearly = _moved(words, _round_number(words, size), words.between(1, 9), size)
    return words.swapped(_round_number(words, size), nearly)


def _sparse(words: Words, size: int) -> int:
    length = words.between(1, size)
    digits = [words.between(1, 9) if place == length - 1 or not words.below(4) else 0 for place in range(length)]
    return _from_digits(digits)


def _repdigit(words: Words, size: int) -> int:
    return words.between(1, 9) * (10 ** words.between(1, size) // 9)


def _round_number(words: Words, size: int) -> int:
    return words.between(1, 9) * 10 ** words.below(size)


def _moved(words: Words, x: int, distance: int, size: int) -> int:
    """``x`` plus or minus the distance, whichever has at most D digits; ``x`` itself if neither has."""
    numbers = [y for y in words.swapped(x + distance, x - distance) if 0 <= y < 10**size]
    return numbers[0] if numbers else x


def _from_digits(digits: Sequence[int]) -> int:
    """The number with these digits, the units first."""
    return int("".join(map(str, reversed(digits))))


def _from_columns(columns: list[Pair]) -> Pair:
    left, right = map(_from_digits, zip(*columns, strict=True))
    return left, right


def _digit_pairs(low: int, high: int) -> list[Pair]:
    """All pairs of digits with a sum from ``low`` to ``high``."""
    return [(a, b) for a in range(10) for b in range(10) if low <= a + b <= high]


# Pairs of digits: all; those that carry; those that carry if a carry comes in; those that carry only if one comes in.
_ANY, _STARTS, _CARRIES_ON, _PASSES = (_digit_pairs(*bounds) for bounds in ((0, 18), (10, 18), (9, 18), (9, 9)))
_STOPS = _digit_pairs(0, 9), _digit_pairs(0, 8)  # those that do not carry, without and with an incoming carry


def _carry_chain(words: Words, size: int, length: int) -> Pair:
    """Two numbers of at most D digits whose longest carry chain has exactly ``length`` digit positions."""
    start = words.below(size - length + 1)
    carry = chain = 0
    columns = []
    for place in range(size):
        if start <= place < start + length:
            choice = _STARTS if place == start else _CARRIES_ON
        elif place in (start - 1, start + length) or chain == length:
            choice = _STOPS[carry]
        else:
            choice = _ANY
        a, b = choice[words.below(len(choice))]
        carry = int(a + b + carry >= 10)
        chain = (chain + 1) * carry
        columns.append((a, b))
    return _from_columns(columns)


def _carry_all(words: Words, size: int) -> Pair:
    return _from_columns([choice[words.below(len(choice))] for choice in (_STARTS, *[_PASSES] * (size - 1))])


def _borrow_chain(words: Words, size: int, length: int) -> Pair:
    """A borrow is a carry of 9 - a and b. The first digit lends, so the chain ends before it."""
    low, right = _carry_chain(words, size - 1, length) if size > 1 else (0, 0)
    return _lend(words, size, low, right)


def _stopped(words: Words, size: int, lends: bool) -> Pair:
    """One carry, or borrow, from the units to a position that does not pass it on; all other positions would."""
    if lends:
        return _lend(words, size, *_stopped(words, size - 1, lends=False))
    stop = words.between(1, size - 1)
    choices = [_STARTS, *([_PASSES] * (stop - 1)), _STOPS[1], *([_PASSES] * (size - 1 - stop))]
    return _from_columns([choice[words.below(len(choice))] for choice in choices])


def _past_end(words: Words, size: int, length: int, lends: bool) -> Pair:
    """Two numbers whose only carries begin in the shorter one, and pass ``length`` positions beyond its first digit.

    Or borrows, if the next position of the longer number ``lends``.
    """
    short = words.between(1, size - length - lends)
    long = words.between(short + length + lends, size)
    return past_short(words, long, short, range(words.below(short), short + length), lends)


def _common_prefix(words: Words, size: int, length: int) -> Pair:
    unit = 10 ** words.below(size - length)  # the value of a one in the first position that differs
    prefix, first, second = words.between(10 ** (length - 1), 10**length - 1), words.below(10), words.below(9)
    second += second >= first
    left, right = ((10 * prefix + digit) * unit + words.below(unit) for digit in (first, second))
    return left, right


def past_short(words: Words, length: int, short: int, chain: range, lends: bool) -> Pair:
    """Numbers of ``length`` and ``short`` digits that carry, or borrow if one ``lends``, only in the chain."""

    def of_short(place: int) -> str:
        return "0" if place >= short else "123456789" if place == short - 1 else "0123456789"

    while True:
        long, right = carrying(words, [place in chain for place in range(length)], of_short)
        if lends:  # a borrow is a carry of 9 - a and b
            long = 10**length - 1 - long
        if long >= 10 ** (length - 1):
            return words.swapped(long, right)


def carrying(
    words: Words, carries: Sequence[bool], of_right: Callable[[int], str] = lambda place: "0123456789"
) -> Pair:
    """Two numbers that carry at exactly these positions; ``of_right`` returns the allowed digits of the right one."""
    columns = []
    for place, carry_out in enumerate(carries):
        choice = _columns(place > 0 and carries[place - 1], carry_out, of_right(place))
        columns.append(choice[words.below(len(choice))])
    return _from_columns(columns)


@functools.cache
def _columns(carry_in: bool, carry_out: bool, of_right: str) -> list[Pair]:
    """The pairs of digits with this incoming and this outgoing carry, and a right digit that is one of ``of_right``."""
    return [(a, b) for a, b in _ANY if (a + b + carry_in > 9) == carry_out and str(b) in of_right]


def _lend(words: Words, size: int, complement: int, right: int) -> Pair:
    """The pair whose lower D - 1 positions borrow where the complement and ``right`` carry; in either order."""
    unit = 10 ** (size - 1)
    first = words.between(1, 9)
    second = words.below(first)
    return words.swapped(first * unit + (unit - 1 - complement), second * unit + right)


def _sum_to(less: int) -> Callable[[Words, int], Pair]:
    """Pairs whose sum is a power of ten minus ``less``."""
    return lambda words, size: of_sum(words, 10 ** words.between(1, size) - less)


def _differ_by(less: int) -> Callable[[Words, int], Pair]:
    """Pairs whose difference is a power of ten minus ``less``, with either sign."""
    return lambda words, size: of_difference(words, size, 10 ** words.between(less, size - 1 + less) - less)


def of_sum(words: Words, total: int) -> Pair:
    """A pair with this sum."""
    left = words.between(1, total - 1)
    return left, total - left


def of_difference(words: Words, size: int, difference: int) -> Pair:
    """A pair with this difference, or its negative."""
    right = words.below(10**size - difference)
    return words.swapped(right + difference, right)


def _ascending(words: Words, size: int) -> Pair:
    """Two different numbers of the maximum length, the smaller one first."""
    low, high = sorted(_of_length(words, size) for _ in range(2))
    if low < high:
        return low, high
    return (low - 1, high) if low > 10 ** (size - 1) else (low, high + 1)


def _product_power(words: Words, size: int) -> Pair:
    power = words.below(size)
    twos, fives = words.between(0, power), words.between(0, power)
    left = 2**twos * 5**fives
    return left, 10**power // left


def _product_nines(words: Words, size: int) -> Pair:
    power = words.between(1, size)
    if power < size and words.coin():
        return words.swapped(10**power - 1, 10**power + 1)
    factor = (1, 3, 9)[words.below(3)]
    return words.swapped(factor, (10**power - 1) // factor)


def _extremes(words: Words, dashes: int) -> Pair:
    ends = sorted({end for end in (1, 2, 3, dashes - 2, dashes - 1, dashes) if 1 <= end <= dashes})
    return ends[words.below(len(ends))], ends[words.below(len(ends))]


def _sum_at_edge(words: Words, dashes: int, high: bool) -> Pair:
    edge = min(EDGE, 2 * dashes - 1)
    total = words.between(2 * dashes - edge + 1, 2 * dashes) if high else words.between(2, edge + 1)
    left = words.between(max(1, total - dashes), min(dashes, total - 1))
    return left, total - left


def _residues(words: Words, modulus: int, condition: Condition) -> Pair:
    while True:
        pair = words.below(modulus), words.below(modulus)
        if condition(*pair, modulus):
            return pair


def _table(modulus: int, condition: Condition) -> Iterator[Pair]:
    return ((x, y) for x in range(modulus) for y in range(modulus) if condition(x, y, modulus))


def _of_table(name: str, why: str, condition: Condition) -> Slice:
    """A slice that contains all its pairs, if the modulus is small enough."""
    return Slice(
        name, why, functools.partial(_residues, condition=condition), functools.partial(_table, condition=condition)
    )


def _residues_of_sum(words: Words, modulus: int, total: int) -> Pair:
    x = words.below(modulus)
    return x, (total - x) % modulus


def _at_least_1(words: Words, size: int, draw: Callable[[Words, int], Pair]) -> Pair:
    return tuple(max(1, number) for number in draw(words, size))


def palindrome(words: Words, length: int, allowed: str = DIGITS) -> str:
    """A text of ``length`` characters that reads the same from both ends."""
    half = words.text((length + 1) // 2, allowed)
    return half + half[: length // 2][::-1]


def _of_texts(words: Words, size: int, text: Text, arity: int, read: Callable[[str], int], length: int = 0) -> Pair:
    """Operands of one kind of text, of random lengths, or of ``length`` if it is not 0."""
    return tuple(read(text(words, length or words.between(1, size))) for _ in range(arity))


def _quotient(words: Words, size: int, less: int) -> Pair:
    """A multiple of the right operand minus ``less``, and the right operand."""
    right, times = (int(_NUMBER(words, words.between(1, maximum))) for maximum in ((size + 1) // 2, max(1, size // 2)))
    return max(1, right * (times if size > 1 else 1) - less), right


# Kinds of texts, the first of which is not hard: a name, the reason why it is hard, and the function that draws one.
_NUMBER, _EVENS, _ODDS, _BIG, _WORD = (
    functools.partial(Words.text, allowed=characters)
    for characters in (DIGITS, "02468", "13579", "789", letters.ALPHABET)
)
Kinds = tuple[tuple[str, str, Text], ...]
OF_DIGITS: Kinds = (
    ("random", "The baseline, which is not hard: lengths and digits are uniform.", _NUMBER),
    ("evens", "All digits are even, which random draws give only for short numbers.", _EVENS),
    ("odds", "All digits are odd, which random draws give only for short numbers.", _ODDS),
    (
        "one-odd",
        "Of each number, only the last digit is odd, so a single digit decides its parity.",
        lambda words, n: _EVENS(words, n)[:-1] + _ODDS(words, 1),
    ),
    (
        "repeated",
        "A single digit is repeated, so all digit positions look alike.",
        lambda words, n: _NUMBER(words, 1) * n,
    ),
    ("big", "All digits are 7, 8 or 9, so sums carry at almost every digit position.", _BIG),
)
OF_LETTERS: Kinds = (
    ("random", "The baseline, which is not hard: lengths and letters are uniform.", _WORD),
    ("one-letter", "A single letter is repeated, so all positions look alike.", lambda words, n: _WORD(words, 1) * n),
    (
        "period",
        "Two or three letters repeat in turn, so every second or third position looks alike.",
        lambda words, n: (_WORD(words, words.between(2, 3)) * n)[:n],
    ),
    (
        "palindrome",
        "The word reads the same from both ends, so its copy is its reverse.",
        functools.partial(palindrome, allowed=letters.ALPHABET),
    ),
)

# The slices that are the same at every D, or at every D from their ``least`` on.
UNIFORM = (
    Slice("random", "The baseline, which is not hard: lengths and digits are uniform, as in the draws of a dataset.",
          lambda words, d: (_number(words, d), _number(words, d))),
    Slice("full", "Both operands have the maximum length, which few draws of a dataset have.",
          lambda words, d: (_of_length(words, d), _of_length(words, d))),
)  # fmt: skip
DECIMAL = (
    Slice("equal", "The operands are equal, which random draws give only for short numbers.",
          lambda words, d: _twice(_number(words, d))),
    Slice("near", "The operands differ by 1 to 9, so almost all their high digits are the same.",
          lambda words, d: _apart(words, d, lambda: words.between(1, 9))),
    Slice("near-power", "The operands differ by a power of ten, mostly in a single digit.",
          lambda words, d: _apart(words, d, lambda: 10 ** words.below(d))),
    Slice("round", "One operand is a digit followed by zeros: long runs of zeros are rare in random draws.",
          lambda words, d: words.swapped(_round_number(words, d), _number(words, d))),
    Slice("almost-round", "One operand is a digit followed by zeros; the other is at most 9 away from one.",
          _almost_round),
    Slice("nines", "One operand has only nines and the other one digit: in a sum, a single carry changes every digit.",
          lambda words, d: words.swapped(10 ** words.between(1, d) - 1, words.between(1, 9))),
    Slice("zeros", "About three quarters of the digits are zeros, so neighbouring digit positions look alike.",
          lambda words, d: (_sparse(words, d), _sparse(words, d))),
    Slice("zero", "One operand is 0, which is rare in random draws.",
          lambda words, d: words.swapped(0, _number(words, d))),
    Slice("repeated", "Each operand repeats a single digit, so all its digit positions look alike.",
          lambda words, d: (_repdigit(words, d), _repdigit(words, d))),
)  # fmt: skip
ADDITION = (
    Slice("carry-all", "One carry from the units passes through all other digit positions, each of which sums to 9.",
          _carry_all),
    Slice("power", "The answer is a power of ten, so every digit depends on the lowest digits.", _sum_to(0)),
    Slice("power-less-one", "All digits of the answer are nines: every position sums to 9, just below a carry.",
          _sum_to(1)),
)  # fmt: skip
SUBTRACTION = (
    Slice("borrow-all", "One borrow from the units passes through all digit positions, up to the first digit.",
          lambda words, d: _lend(words, d, *_carry_all(words, d - 1)), least=2),
    Slice("power", "The answer is a power of ten or its negative: its zeros are rare in random draws.", _differ_by(0)),
    Slice("power-less-one", "All digits of the answer are nines, with either sign, which is rare in random draws.",
          _differ_by(1)),
    Slice("positive", "Both operands have the maximum length and the left one is larger, so the answer has no sign.",
          lambda words, d: _ascending(words, d)[::-1]),
    Slice("negative", "Both operands have the maximum length and the right one is larger, so the answer has a sign.",
          _ascending),
)  # fmt: skip
MULTIPLICATION = (
    Slice("power", "The answer is a power of ten, although neither operand need end in zeros.", _product_power),
    Slice("power-less-one", "All digits of the answer are nines, which is rare in random draws.", _product_nines),
)
DIVISION = (
    Slice(
        "exact",
        "The remainder is 0: the left operand is a multiple of the right one.",
        functools.partial(_quotient, less=0),
    ),
    Slice(
        "remainder-last",
        "The left operand is one less than a multiple of the right one.",
        functools.partial(_quotient, less=1),
    ),
)
PQ = (
    Slice("random", "The baseline, which is not hard: both numbers of dashes are uniform.",
          lambda words, d: (words.between(1, d), words.between(1, d))),
    Slice("extremes", "Both numbers of dashes are among 1, 2, 3, D - 2, D - 1 and D: the ends of the range.",
          _extremes),
    Slice("one", "One operand is a single dash, the shortest possible.",
          lambda words, d: words.swapped(1, words.between(1, d))),
    Slice("full", "One operand has D dashes, the longest possible.",
          lambda words, d: words.swapped(d, words.between(1, d))),
    Slice("equal", "Both operands have the same number of dashes.", lambda words, d: _twice(words.between(1, d))),
    Slice("sum-low", f"The answer has one of the {EDGE} shortest lengths, which are rare in random draws.",
          functools.partial(_sum_at_edge, high=False)),
    Slice("sum-high", f"The answer has one of the {EDGE} longest lengths, which are rare in random draws.",
          functools.partial(_sum_at_edge, high=True)),
)  # fmt: skip
RESIDUES = (
    Slice(
        "zero",
        "One operand is 0, so the answer is the other operand.",
        lambda words, m: words.swapped(0, words.below(m)),
    ),
    Slice(
        "equal", "The operands are equal, so the answer is twice their value.", lambda words, m: _twice(words.below(m))
    ),
)
MODULAR_ADDITION = (
    _of_table("no-wrap", "The sum x + y is below the modulus, so the sum is the answer.", lambda x, y, m: x + y < m),
    _of_table("wrap", "The sum x + y reaches the modulus, which must be subtracted.", lambda x, y, m: x + y >= m),
    *RESIDUES,
    Slice("answer-zero", "The operands add up to the modulus, or both are 0, so the answer is 0.",
          functools.partial(_residues_of_sum, total=0)),
    Slice("answer-last", "The operands add up to the modulus minus 1, the largest sum that does not wrap around.",
          functools.partial(_residues_of_sum, total=-1)),
)  # fmt: skip


def of_size(slices: Iterable[Slice], size: int) -> list[Slice]:
    """The slices that have questions at this D."""
    return [slice for slice in slices if slice.least <= size]


def _family(
    name: str, why: str, numbers: Iterable[int], draw: Callable[..., Pair], key: str = "length", since: int = 1
) -> list[Slice]:
    """One slice per number, which replaces {k} in its name and its reason, and is the argument ``key`` of ``draw``."""
    return [Slice(name.format(k=k), why.format(k=k), functools.partial(draw, **{key: k}), since=since) for k in numbers]


def _below(size: int, less: int = 0) -> list[int]:
    """The lengths of the ladder that are below D - ``less``."""
    return [length for length in ladder(size) if length < size - less]


def _decimal(size: int) -> list[Slice]:
    """The slices of every task on decimal numbers."""
    lengths = [
        Slice(
            f"lengths-{m}-{n}",
            f"The operands have {m} and {n} digits: a model may have learned only some pairs of lengths.",
            functools.partial(_of_lengths, m=m, n=n),
        )
        for m in ladder(size)
        for n in ladder(size)
    ]
    return [*UNIFORM, *lengths, *DECIMAL]


def addition(size: int) -> list[Slice]:
    """The slices of addition of at most D digits."""
    why = "The longest carry chain has exactly {k} digit positions: longer chains are rarer in random draws."
    chains = _family("carry-chain-{k}", why, (0, *ladder(size)), _carry_chain)
    return [*_decimal(size), *chains, *ADDITION, *_of_version_2(size, lends=False)]


def subtraction(size: int) -> list[Slice]:
    """The slices of subtraction of at most D digits."""
    why = "The longest borrow chain has exactly {k} digit positions: longer chains are rarer in random draws."
    chains = _family("borrow-chain-{k}", why, (0, *_below(size)), _borrow_chain)
    return [*_decimal(size), *chains, *of_size(SUBTRACTION, size), *_of_version_2(size, lends=True)]


def _of_version_2(size: int, lends: bool) -> list[Slice]:
    """The slices that version 2 added: of addition, or of subtraction, in which the first digit ``lends``.

    Slices of several chains, periods, palindromes and permuted digits are in ``held_out``, and stay there.
    """
    carry = "borrow" if lends else "carry"
    why = f"A {carry} that begins in the shorter operand passes exactly {{k}} digit positions beyond its first digit."
    past = functools.partial(_past_end, lends=lends)
    why_stop = f"One {carry} from the units runs to a digit position that stops it; all others would pass it on."
    stop = Slice(f"{carry}-stop", why_stop, functools.partial(_stopped, lends=lends), since=2, least=2 + lends)
    return [
        *_family(f"{carry}-past-end-{{k}}", why, _below(size, lends), past, since=2),
        *of_size([stop], size),
        *_common_prefixes(size, since=2),
    ]


def _common_prefixes(size: int, since: int) -> list[Slice]:
    why = "Both operands have the same length and the same first {k} digits, so only later digits differ."
    return _family("common-prefix-{k}", why, _below(size), _common_prefix, since=since)


def comparison(size: int) -> list[Slice]:
    """The slices of comparison of numbers of at most D digits."""
    return [*_decimal(size), *_common_prefixes(size, since=1)]


def multiplication(size: int) -> list[Slice]:
    """The slices of multiplication of at most D digits."""
    return [*_decimal(size), *MULTIPLICATION]


def division(size: int) -> list[Slice]:
    """The slices of comparison, in which a 0 becomes a 1, and those whose remainder is known in advance."""
    of_comparison = (
        Slice(slice.name, slice.why, functools.partial(_at_least_1, draw=slice.draw))
        for slice in comparison(size)
        if slice.name != "zero"
    )
    return [*of_comparison, *DIVISION]


def texts(size: int, arity: int, kinds: Kinds, read: Callable[[str], int] = int) -> list[Slice]:
    """Slices whose operands are all of one kind of text, of random lengths; and those of the first kind by length."""
    first, *others = (
        Slice(name, why, functools.partial(_of_texts, text=text, arity=arity, read=read)) for name, why, text in kinds
    )
    why = "All operands have {k} characters: a model may have learned only some lengths."
    return [first, *_family("length-{k}", why, ladder(size), first.draw, key="length"), *others]
