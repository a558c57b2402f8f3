"""The command line (click, rich).

commands.py         all commands together; the demo, and the processes of the program
reading.py          for who looks for chats: search, hot, export, show
upkeep.py           for who keeps the program: sync, reindex, verify, repair, status
starting.py         what every command does first
users.py            `user`: the people who may sign in
tokens.py           `token`: tokens with which programs ask
archive.py          `archive copy`: to another database
audit.py            `audit`: who did what, when and from where
owner.py            who runs a command
new_password.py     asks for a password without showing it
options.py          options that several commands have
terminal.py         what every command prints with: progress bars, tables, JSON
printing_chats.py   a page of hits, a chat, its versions
printing_reports.py status, what a sync did, what a check found
retry_line.py       the retries of a sync as one line, on a terminal
output_file.py      an export into a file that is whole or not there
unnamed_file.py     a file that has no name until it is complete
serve.py            the processes of `serve`: who starts, watches and ends them
account.py          the account of `serve`: its indexer, and whether Kchat takes it
parent.py           what such a process hears from `serve`, and tells it
web_server.py       the pages and the API, served on this machine
indexer.py          the indexer as a process
exit_codes.py       which error ends a command with which code
demo.py             the whole program against a Kchat server of our own
demo_people.py      accounts for it
"""

from kchat_search.cli.commands import commands, main

__all__ = ["commands", "main"]
