"""The playground: a page on which people ask trained models, served by this machine or written as files."""
