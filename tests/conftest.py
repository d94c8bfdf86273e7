"""Settings of all tests."""

import hypothesis

# The machine may be busy: how long an example takes says nothing.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=list(hypothesis.HealthCheck), print_blob=True
)
hypothesis.settings.load_profile("tests")
