"""`python -m kchat_search` is `kchat-search`."""

from kchat_search.cli.commands import main

if __name__ == "__main__":
    main()
