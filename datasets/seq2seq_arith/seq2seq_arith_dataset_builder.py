"""The TFDS builder of ``seq2seq_arith``: makes a dataset with the pipeline, and lets TFDS read it."""

from typing import Any, ClassVar, cast

import tensorflow_datasets as tfds
from tensorflow_datasets.core import dataset_builder

from seq2seq_arith.datasets.seq2seq_arith.config import ArithConfig
from seq2seq_arith.datasets.seq2seq_arith.wishes import Wishes, refuse_file_format
from seq2seq_arith.pipelines import catalog, publish
from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.plan import check_space, plan
from seq2seq_arith.pipelines.tasks import DEFAULT_TASK, OPERATIONS, VERSION


class Builder(dataset_builder.FileReaderBuilder):
    """Arithmetic as a sequence-to-sequence task, one built-in config a task; the default is ``addition``.

    An ``ArithConfig`` gives any other dataset. Features are ``question`` and ``answer``, scalar strings of one width
    each; supervised, (question, answer). Splits are ``train`` and ``validation``.
    """

    VERSION = tfds.core.Version(VERSION)
    RELEASE_NOTES = catalog.RELEASE_NOTES
    BUILDER_CONFIGS: ClassVar[list[ArithConfig]] = [ArithConfig(task) for task in OPERATIONS]
    DEFAULT_BUILDER_CONFIG_NAME = DEFAULT_TASK

    # TFDS does not find a class by its module's name inside a namespace package.
    code_path = tfds.core.Path(__file__)
    pkg_dir_path = code_path.parent

    def __init__(self, *, file_format: Any = None, **kwargs: Any) -> None:
        """Takes what TFDS gives: ``data_dir``, ``config``, ``version`` and ``file_format``.

        Raises:
          InputError: The config is of another kind, or the format is not TFRecord.
        """
        refuse_file_format(file_format)
        super().__init__(file_format=file_format, **kwargs)

    def download_and_prepare(
        self,
        *,
        download_dir: Any = None,
        download_config: tfds.download.DownloadConfig | None = None,
        file_format: Any = None,
        permissions: Any = None,
    ) -> None:
        """Makes the dataset, unless it is there already; nothing is downloaded.

        The pipeline publishes the directory itself, as ``arith-data`` does: under a lock, in one step, and after
        removing what killed runs have left. TFDS would delete a dataset before the new one is complete, and
        remove what broken runs leave only if no thread writes to it any more.

        Args:
          download_dir, permissions: Without effect: there are no downloads, and TFDS sets no permissions either.
          download_config: Beam's options, the number of shards, and whether to overwrite. Other options that ask
            for what the dataset is not are refused.
          file_format: None or ``tfrecord``.

        Raises:
          InputError: Something cannot be done, another run is making the dataset, or something else stands there.
          OSError: The disk is full, or the directory cannot be written.
        """
        del download_dir, permissions
        wishes = Wishes.of(self.builder_config, download_config, file_format)
        if "://" in self.data_dir and self.is_prepared() and not wishes.overwrite:
            return  # TFDS reads from anywhere.
        path = publish.local_path(self.data_dir)
        task, root = self.builder_config.task, path.parents[2]
        kept = None if wishes.overwrite else publish.read_metadata(path)
        layout = wishes.layout(self.builder_config, publish.layout_of(kept) if kept else None)
        if publish.published(path, task, layout, wishes.overwrite) is None:
            check_space(plan(task, layout).total_bytes, root)
            # Beam takes a second to import: only now.
            from seq2seq_arith.pipelines.create import create

            create(task, layout, root, wishes.beam_flags, wishes.overwrite)
        else:
            publish.name_default_config(path)
        # Another process may have made it since this builder was opened, or with other files.
        self.info.read_from_directory(self.data_dir)

    def _download_and_prepare(self, dl_manager: Any, download_config: Any = None) -> None:
        raise NotImplementedError("download_and_prepare does all")

    @property
    def builder_config(self) -> ArithConfig:
        """The parameters, and the layout that was asked for."""
        return cast(ArithConfig, self._builder_config)

    def _create_builder_config(self, builder_config: Any, version: Any) -> Any:
        # TFDS refuses an object that bears a built-in config's name; ours is that config if it does.
        if isinstance(builder_config, ArithConfig):
            return builder_config
        if isinstance(builder_config, tfds.core.BuilderConfig):
            raise InputError(f"config is {builder_config!r}; give a config's name or an ArithConfig")
        return super()._create_builder_config(builder_config, version)

    def _info(self) -> tfds.core.DatasetInfo:
        return catalog.describe(self)
