"""A dataset as a model sees it: records, views, and questions to ask."""
