"""Text as it is compared: pure functions that know nothing else of this program.

    fold.py     text -> the form in which two strings are compared, with a map back
    scripts.py  folded text -> runs of one kind: Han, letters, digits, the rest
    segmentation.py  Han runs -> words (jieba)
    pinyin.py   how Han characters sound (pypinyin)
    grams.py    folded text -> every character and every pair of neighbours

The same code runs when a chat is indexed and when a query is read; that, and nothing else, is
why the two meet.
"""
