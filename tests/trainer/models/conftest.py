"""The tests of the models draw the same weights in every run, so that none of them fails by chance."""

import keras
import pytest


@pytest.fixture(autouse=True)
def the_same_weights_each_time() -> None:
    keras.utils.set_random_seed(0)
