"""The storage of datasets: directories and object stores."""
