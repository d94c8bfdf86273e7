"""The report of one run or several: one page of HTML that needs nothing else."""
