"""A dataset as a model sees it: records, input formats, and questions to ask."""
