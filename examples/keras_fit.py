import keras
import tensorflow as tf
import tensorflow_datasets as tfds


def one_hot(text, width):
    characters = tf.ensure_shape(tf.io.decode_raw(text, tf.uint8), [None, width])
    return tf.cast(characters[..., None] == tf.constant(list(b" +0123456789"), tf.uint8), tf.float32)


strategy = tf.distribute.MirroredStrategy()
train, validation = (
    split.batch(512).map(lambda question, answer: (one_hot(question, 7), one_hot(answer, 4))).cache().prefetch(2)
    for split in tfds.load("seq2seq_arith", split=["train", "validation"], data_dir="data", as_supervised=True)
)
with strategy.scope():
    layers = [keras.Input((7, 12)), keras.layers.LSTM(128), keras.layers.RepeatVector(4)]
    layers += [keras.layers.LSTM(128, return_sequences=True), keras.layers.Dense(12, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=validation)
