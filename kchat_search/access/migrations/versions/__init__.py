"""The migrations of the database of people, one file each, in order.

v0001_people.py  people, sessions, tokens, failed log-ins, requests
v0002_audit.py   the audit: its chain, the texts beside it, the chain's end
v0003_claimed_agents.py  agent ids that a provider says
v0004_saved_searches.py  searches that people have saved
"""
