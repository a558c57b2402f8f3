"""Who may see what.

policy.py   what a principal may do and which chats it sees: pure functions
needs.py    the mark of each method of the service: which permission it needs
queries.py  a search as the audit records it
"""
