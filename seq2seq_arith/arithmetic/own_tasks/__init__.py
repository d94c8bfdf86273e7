"""Tasks that are not part of this package: where their code comes from, its check, and letters as operands."""
