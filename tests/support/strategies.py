"""What hypothesis draws the parameters of datasets from."""

from hypothesis import strategies as st

from seq2seq_arith.pipelines import OPERATIONS, Task, coverage

SEEDS = st.one_of(
    st.sampled_from([0, 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]), st.integers(min_value=0, max_value=2**64 - 1)
)
NUMBER_TASKS = ("addition", "subtraction", "multiplication")


@st.composite
def tasks(draw: st.DrawFn, names: tuple[str, ...] = tuple(OPERATIONS), max_dashes: int = 100_000, **fixed) -> Task:
    """Any task at all, whether or not it has as many examples as it asks for; ``fixed`` sets some of its fields."""
    name = draw(st.sampled_from(names))
    digits = st.integers(1, OPERATIONS[name].max_digits if name in NUMBER_TASKS else max_dashes)
    drawn = {
        "digits": digits,
        "num_examples": st.integers(10, 10**9),
        "seed": SEEDS,
        "reverse": st.booleans(),
        "ordered": st.booleans(),
    }
    return Task(name, **{field: fixed[field] if field in fixed else draw(drawn[field]) for field in drawn})


@st.composite
def small_tasks(draw: st.DrawFn, max_examples: int = 300) -> Task:
    """Tasks that can be drawn, of few and short examples; one in a few asks for nearly every key there is."""
    task = draw(tasks(max_dashes=60, num_examples=10).filter(lambda task: coverage.largest_practical(task) >= 10))
    most = min(max_examples, coverage.largest_practical(task))
    num_examples = draw(st.one_of(st.just(most), st.integers(10, most)))
    return Task(
        **{field: getattr(task, field) for field in ("name", "digits", "seed", "reverse", "ordered")},
        num_examples=num_examples,
    )


@st.composite
def operand_pairs(draw: st.DrawFn, task: Task, max_size: int = 40) -> list[tuple[int, int]]:
    """Pairs of operands of the task; lengths are about as likely as each other, and so are ends of ranges."""
    if task.name not in NUMBER_TASKS:
        operand = st.integers(1, task.digits)
    else:
        edges = [
            10**length + more for length in range(task.digits + 1) for more in (-1, 0) if length < task.digits or more
        ]
        operand = st.one_of(
            st.sampled_from(edges),
            st.integers(1, task.digits).flatmap(lambda length: st.integers(0, 10**length - 1)),
        )
    return draw(st.lists(st.tuples(operand, operand), min_size=1, max_size=max_size))
