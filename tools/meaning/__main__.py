"""`python -m tools.meaning JAR FOLDER`: make `kchat_search/meaning/shipped.table`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from kchat_search.meaning.table import SHIPPED
from tools.meaning.teacher import Teacher, taught
from tools.meaning.texts import texts
from tools.meaning.training import train


def main() -> None:
    """`JAR`: the teacher's file. `FOLDER`: keeps the teacher's vectors."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    jar, folder = map(Path, sys.argv[1:])
    all_texts = texts()
    table = train(all_texts, taught(Teacher(jar), all_texts, folder))
    table.write(SHIPPED)
    SHIPPED.chmod(0o644)  # everybody may read what is installed
    logging.getLogger(__name__).info("%s texts, digest %s", len(all_texts), table.digest)


if __name__ == "__main__":
    main()
