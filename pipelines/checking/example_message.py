"""``tf.train.Example`` as far as bytes features go, without TensorFlow.

The four messages, as ``tensorflow/core/example/example.proto`` and ``feature.proto`` define them::

    message BytesList { repeated bytes value = 1; }
    message Feature   { BytesList bytes_list = 1; }
    message Features  { map<string, Feature> feature = 1; }
    message Example   { Features features = 1; }
"""

import functools
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "seq2seq_arith"
_KIND = descriptor_pb2.FieldDescriptorProto


@functools.cache
def example_class() -> Any:
    """The message class of ``Example``."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package=PACKAGE, syntax="proto3")
    fields = {
        "BytesList": [("value", 1, _KIND.TYPE_BYTES, _KIND.LABEL_REPEATED, "")],
        "Feature": [("bytes_list", 1, _KIND.TYPE_MESSAGE, _KIND.LABEL_OPTIONAL, "BytesList")],
        "Features": [("feature", 1, _KIND.TYPE_MESSAGE, _KIND.LABEL_REPEATED, "Features.FeatureEntry")],
        "Example": [("features", 1, _KIND.TYPE_MESSAGE, _KIND.LABEL_OPTIONAL, "Features")],
    }
    for name, members in fields.items():
        _add_fields(file.message_type.add(name=name), members)
    entry = file.message_type[2].nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    _add_fields(
        entry,
        [
            ("key", 1, _KIND.TYPE_STRING, _KIND.LABEL_OPTIONAL, ""),
            ("value", 2, _KIND.TYPE_MESSAGE, _KIND.LABEL_OPTIONAL, "Feature"),
        ],
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.Example"))


def _add_fields(descriptor: Any, members: list[tuple[str, int, Any, Any, str]]) -> None:
    for name, number, kind, label, of in members:
        descriptor.field.add(
            name=name, number=number, type=kind, label=label, type_name=f".{PACKAGE}.{of}" if of else None
        )
