"""The outer shell: command line. No science inside."""
