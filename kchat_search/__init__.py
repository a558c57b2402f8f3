"""kchat-search: the full-text archive of a company's Kchat conversations.

One chat's way from the wire to the screen, room by room:

    kchat/     asks the Kchat API and understands what it says      (requests)
    archive/   keeps it, every version of it                        (SQLAlchemy)
    text/      folds, splits and cuts it into grams                 (jieba, opencc, pypinyin)
    search/    reads what people type, plans, shows what matched
    engines/   holds the index and answers plans                    (Whoosh)
    sync/      decides what to fetch, fetches, archives, indexes    (APScheduler)
    web/       the API and the pages                                (Flask)
    demo/      a Kchat server of our own, as difficult as one likes, and conversations for it

The import rule, held by import-linter (`pyproject.toml`):

    wsgi, cli -> web -> service -> sync, search -> ports -> models, errors
                 service.make_service -> kchat, archive, engines     (the only place)
                 kchat, archive, engines -> text, models, errors;    never each other
                 text -> nothing of ours

The words are the Kchat API's own (chat, message, visitor, agent, upload), and: *archive*, the
system of record; *index*, derived from it; *engine*, what holds the index; *sync*, fetch, archive
and index; *tick*, one scheduled sync; *fold*, map text to the form in which it is compared;
*literal*, occurs as a substring of a message's folded text; *generation*, one build of the index.
"""

__version__ = "0.1.0"
