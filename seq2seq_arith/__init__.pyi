"""The public names, each declared only here: type checkers read this file, and ``__init__.py`` makes it true."""

from seq2seq_arith.arithmetic.operations import OPERATIONS as OPERATIONS
from seq2seq_arith.arithmetic.task import Task as Task
from seq2seq_arith.base.errors import InputError as InputError
from seq2seq_arith.base.errors import RunError as RunError
from seq2seq_arith.base.version import __version__ as __version__
from seq2seq_arith.datasets import ArithConfig as ArithConfig
from seq2seq_arith.trainer.api.comparing import Playground as Playground
from seq2seq_arith.trainer.api.comparing import Suite as Suite
from seq2seq_arith.trainer.api.comparing import compare as compare
from seq2seq_arith.trainer.api.comparing import playground as playground
from seq2seq_arith.trainer.api.comparing import suite as suite
from seq2seq_arith.trainer.api.dataset import Dataset as Dataset
from seq2seq_arith.trainer.api.dataset import generate as generate
from seq2seq_arith.trainer.api.dataset import load as load
from seq2seq_arith.trainer.api.trained_run import TrainedRun as TrainedRun
from seq2seq_arith.trainer.api.trained_run import open_run as open_run
from seq2seq_arith.trainer.api.trained_run import plot_history as plot_history
from seq2seq_arith.trainer.api.trained_run import pretrained as pretrained
from seq2seq_arith.trainer.api.trained_run import pretrained_names as pretrained_names
from seq2seq_arith.trainer.api.training import train as train
from seq2seq_arith.trainer.config import ModelConfig as ModelConfig
from seq2seq_arith.trainer.config import TrainConfig as TrainConfig
from seq2seq_arith.trainer.figures import Picture as Picture
from seq2seq_arith.trainer.recipes import recipe as recipe
from seq2seq_arith.trainer.recipes import recipe_data as recipe_data
