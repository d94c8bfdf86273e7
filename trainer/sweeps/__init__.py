"""Many runs: what a file of settings asks for, with several seeds, and the table of what they reached."""
