"""Work ahead: begun before it is asked for, and done once."""

import threading

import pytest

from seq2seq_arith.trainer.training.feeding import Ahead


def test_the_next_thing_is_made_while_the_caller_is_busy():
    """The caller waits here until it is made; if nothing were made ahead, that would never end."""
    made, done = [], threading.Event()

    def make(number):
        made.append(number)
        if number == 5:
            done.set()
        return str(number)

    ahead = Ahead(make)
    assert ahead.take(0) == "0"
    ahead.begin(5)
    assert done.wait(60)
    assert ahead.take(5) == "5"
    assert made == [0, 5]


def test_another_thing_than_the_one_that_was_begun():
    ahead = Ahead(str)
    ahead.begin(1)
    assert [ahead.take(number) for number in (7, 1, 2)] == ["7", "1", "2"]


def test_an_error_is_raised_where_the_thing_is_taken():
    ahead = Ahead(lambda number: 1 / number)
    ahead.begin(0)
    with pytest.raises(ZeroDivisionError):
        ahead.take(0)
    assert ahead.take(2) == 0.5
