"""Apache Beam: its options, its failures, and a worker."""
