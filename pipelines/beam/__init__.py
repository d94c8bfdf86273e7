"""Apache Beam: its options, its jobs and what they have done so far, its failures, and a worker."""
