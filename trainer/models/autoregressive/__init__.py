"""The networks that write an answer character by character, and read what they have written."""
