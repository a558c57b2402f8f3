"""Text in the forms in which it is compared. Every function is pure and imports nothing of ours.

    typography.py    lists characters that are nothing, and marks with several forms
    fold.py          folds text: the form in which two strings are compared, with a map back
    scripts.py       cuts folded text into runs of one kind: Han, letters, digits, the rest
    joined.py        joins what separators take apart: numbers, identifiers, words with blanks
    segmentation.py  segments Han runs into words (jieba)
    variants.py      gives the other written forms of a word: 帳號 for 账号
    pinyin.py        gives the sounds of Han characters (pypinyin)
    grams.py         gives every character and every pair of neighbours of folded text

The index is built and queries are read with the same code. A query finds a chat only because of
that, so no other code may fold or cut text.
"""
