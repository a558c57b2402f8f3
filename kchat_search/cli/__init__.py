"""The command line (click, rich).

commands.py     every command: its options, and what it asks of the service
options.py      options that several commands have
printing.py     what a person reads: progress bars, tables, a chat, a page of hits
output_file.py  an export into a file that is whole or not there
unnamed_file.py a file that has no name until it is complete
web_server.py   the pages and the API, served on this machine
serve.py        the indexer in a process of its own
demo.py         the whole program against a Kchat server of our own
"""

from kchat_search.cli.commands import commands, main

__all__ = ["commands", "main"]
