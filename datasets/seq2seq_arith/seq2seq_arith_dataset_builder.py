"""The TFDS builder of ``seq2seq_arith``: makes a dataset with the pipeline, and lets TFDS read it."""

import copy
import dataclasses
from typing import Any, ClassVar, cast

import tensorflow_datasets as tfds
from tensorflow_datasets.core import dataset_builder
from tensorflow_datasets.core.file_adapters import FileFormat

from seq2seq_arith.arithmetic.operations import DEFAULT_TASK, OPERATIONS
from seq2seq_arith.arithmetic.task import VERSION
from seq2seq_arith.base import packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.datasets.seq2seq_arith.config import ArithConfig
from seq2seq_arith.datasets.seq2seq_arith.prepare_options import PrepareOptions, wants_array_record
from seq2seq_arith.pipelines.formats import catalog
from seq2seq_arith.pipelines.formats.advice import generate_command
from seq2seq_arith.pipelines.formats.layout import ARRAY_RECORD, Layout
from seq2seq_arith.pipelines.formats.metadata import read_metadata
from seq2seq_arith.pipelines.request import Request
from seq2seq_arith.pipelines.storage.paths import local_path


class Configs(dict[str, ArithConfig]):
    """The built-in configs by their names; but every other name of a config is also "in" it.

    TFDS checks this before it looks for files: it would read the files of an unknown config with another reader.
    """

    def __contains__(self, name: object) -> bool:
        try:
            return super().__contains__(name) or bool(ArithConfig.from_name(str(name)))
        except InputError:
            return False


class Builder(dataset_builder.FileReaderBuilder):
    """Arithmetic as a sequence-to-sequence task, with one built-in config per task; the default is ``addition``.

    An ``ArithConfig``, or its name, is any other dataset. The features are ``question`` and ``answer``, scalar strings,
    each of one width; the supervised pair is (question, answer). The splits are ``train`` and ``validation``.
    """

    VERSION = tfds.core.Version(VERSION)
    RELEASE_NOTES = catalog.RELEASE_NOTES
    BUILDER_CONFIGS: ClassVar[list[ArithConfig]] = [ArithConfig(task) for task in OPERATIONS]
    DEFAULT_BUILDER_CONFIG_NAME = DEFAULT_TASK
    builder_configs: ClassVar[Configs] = Configs({config.name: config for config in BUILDER_CONFIGS})

    # TFDS does not find a class by its module's name inside a namespace package.
    code_path = tfds.core.Path(__file__)
    pkg_dir_path = code_path.parent

    def __init__(self, *, file_format: Any = None, **kwargs: Any) -> None:
        """Takes TFDS's arguments; raises InputError if the config or the file format is not supported."""
        self._file_format = FileFormat.ARRAY_RECORD if wants_array_record(file_format) else None
        super().__init__(**kwargs)  # TFRecord is always the first format

    def download_and_prepare(
        self,
        *,
        download_dir: Any = None,
        download_config: tfds.download.DownloadConfig | None = None,
        file_format: Any = None,
        permissions: Any = None,
    ) -> None:
        """Creates the dataset, unless it exists; nothing is downloaded.

        The pipeline publishes the directory itself, as ``arith-data`` does: under a lock, in one step, and after
        removing the leftovers of killed runs. TFDS would delete a dataset before the new one is complete, and would
        remove the leftovers of a failed run only if no thread writes to them any more.

        Args:
          download_dir, permissions: Without effect: there are no downloads, and TFDS sets no permissions either.
          download_config: Beam's options, the number of shards, and whether to overwrite. Other options are refused
            if they would change the dataset.
          file_format: None, ``tfrecord``, or ``array_record`` to have that beside TFRecord.

        Raises:
          InputError: An option is not supported, another run is making the dataset, or its directory has other files.
          OSError: The disk is full, or the directory cannot be written.
        """
        del download_dir, permissions
        options = PrepareOptions.from_download_config(
            self.builder_config, download_config, file_format or self._file_format
        )
        if "://" in self.data_dir and self.is_prepared() and not options.overwrite:
            return  # TFDS reads from anywhere.
        path = local_path(self.data_dir)
        existing = None if options.overwrite else read_metadata(path)
        layout = options.layout(self.builder_config, Layout.from_metadata(existing) if existing else None)
        request = Request(self.builder_config.task, layout, path.parents[2], options.beam_options, options.overwrite)
        request.publisher.option = "download_mode=tfds.GenerateMode.REUSE_CACHE_IF_EXISTS"
        if request.published() is None:
            request.check_space()
            # Beam takes a second to import: only now.
            from seq2seq_arith.pipelines.create import create

            create(request)
        else:
            request.publisher.name_default()
        # Another process may have created it since this builder was opened, or with other files.
        self.info.read_from_directory(self.data_dir)

    def as_dataset(
        self, split: Any = None, *, shuffle_files: bool = False, read_config: Any = None, **options: Any
    ) -> Any:
        """The examples as a ``tf.data.Dataset``, or several; takes TFDS's arguments. InputError without TensorFlow.

        With ``shuffle_files``, TFDS would refuse a dataset whose order is part of it, unless ``read_config`` allows
        another order; here, ``shuffle_files`` itself allows it.
        """
        packages.require("tfds.load", "tensorflow", "train")
        if shuffle_files:
            read_config = (read_config or tfds.ReadConfig()).replace(enable_ordering_guard=False)
        reader: Any = super()  # TFDS decorates the method, which hides its parameters from a type checker
        return reader.as_dataset(split=split, shuffle_files=shuffle_files, read_config=read_config, **options)

    def as_data_source(self, *args: Any, **options: Any) -> Any:
        """The examples for random access, with TFDS's arguments; InputError if there are no ArrayRecord files."""
        reader = copy.copy(self)  # TFDS changes its list of the files, and tf.data could not read them any more
        stored, readable = reader.info.as_proto.alternative_file_formats, reader.info.alternative_file_formats
        if reader.is_prepared() and ARRAY_RECORD not in stored:
            existing = Layout.from_metadata(cast(dict[str, Any], reader.info.metadata))
            layout = dataclasses.replace(existing, formats=(*existing.formats, ARRAY_RECORD))
            data_dir = tfds.core.Path(self.data_dir).parents[2]
            command = generate_command(self.builder_config.task, layout, data_dir, ["--overwrite"])
            raise InputError(
                f"{self.data_dir} has no ArrayRecord files, which data_source reads; add them with: {command}"
            )
        # TFDS has two lists, but fills only one of them from the dataset.
        readable += [FileFormat.ARRAY_RECORD for name in stored if name == ARRAY_RECORD and not readable]
        return super(Builder, reader).as_data_source(*args, **options)

    def _download_and_prepare(self, dl_manager: Any, download_config: Any = None) -> None:
        raise NotImplementedError("download_and_prepare does everything")

    @property
    def builder_config(self) -> ArithConfig:
        """The parameters, and the requested layout."""
        return cast(ArithConfig, super().builder_config)

    def _create_builder_config(self, builder_config: Any, version: Any) -> Any:
        # TFDS refuses an object with the name of a built-in config; an ArithConfig of that name is that config.
        if isinstance(builder_config, ArithConfig):
            return builder_config
        if isinstance(builder_config, tfds.core.BuilderConfig):
            raise InputError(f"config is {builder_config!r}; give a config's name or an ArithConfig")
        if isinstance(builder_config, str) and version is None and ":" not in builder_config:
            return self.builder_configs.get(builder_config) or ArithConfig.from_name(builder_config)
        return super()._create_builder_config(builder_config, version)

    def _info(self) -> tfds.core.DatasetInfo:
        return catalog.describe(self)
