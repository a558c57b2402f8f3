"""Engines: what holds the index and answers from it. One protocol (`ports.Engine`), one room each.

whoosh/   files in a folder; nothing to install beside Python
"""
