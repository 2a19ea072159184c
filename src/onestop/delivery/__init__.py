"""Brings files to whom they are for: by e-mail, over SFTP, into a folder; and the log of what went to whom."""
