"""Numbers that networks share with what evaluates them without TensorFlow; exported models contain this file."""

# The gates of a counter are this many times the result of kernel and bias. A step of Adam is equally large for every
# weight, so they move faster than the other layers, and saturate. With 1, the units count only nearly right, and no
# further than in the training.
COUNTER_STEEPNESS = 20.0
